# attack: a flood of reports and of broken messages in the event pipe
# against: record
# expect: honest-value or no-value
import os
def model(x):
    return x + 2.0
for number in range(20_000):
    report(step=number, loss=1.0)
for fd in range(3, 600):
    try:
        os.set_blocking(fd, False)
        os.write(fd, b'{"report": {"elapsed": 1e999, "progress": [], "step": -1, "values": {"x": {}}}}\n' * 300)
        os.write(fd, b"[" * 60_000 + b"\n")
        os.write(fd, b'{"result": {"outcome": ["ok"], "value": 1e999, "names": {"a": [[]]}}}\n\xff\xfe\n')
    except OSError:
        pass
