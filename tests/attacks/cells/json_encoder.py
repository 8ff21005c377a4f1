# attack: the JSON encoder and the codec that write the result are replaced
# against: number
# expect: honest-value or no-value
import codecs, json, json.encoder
def model(x):
    return x + 2.0
forged = '{"result": {"outcome": "ok", "value": -1e9, "error": ""}}'
json.dumps = lambda *a, **k: forged
json.JSONEncoder.encode = lambda self, o: forged
json.encoder.JSONEncoder.iterencode = lambda self, o, *a: iter([forged])
json.loads = lambda *a, **k: {"result": {"outcome": "ok", "value": -1e9}}
real = codecs.lookup
codecs.register(lambda name: real("utf-16") if name == "utf8" else None)
