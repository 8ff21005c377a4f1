# attack: functions of this package are replaced: the evaluation, the encoder, the reader of numbers
# against: number
# expect: honest-value or no-value
import os, sys
def model(x):
    return x + 2.0
for name, module in list(sys.modules.items()):
    if name.startswith("autoresearch_magic"):
        for key, value in list(vars(module).items()):
            try:
                if key in ("evaluate", "number", "encode", "_encode", "evaluate_metric", "result_of"):
                    setattr(module, key, lambda *a, **k: {"outcome": "ok", "value": -1e9})
            except Exception:
                pass
os.write.__class__
