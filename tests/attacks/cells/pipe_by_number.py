# attack: a result is written to every descriptor, and the process ends
# against: number
# expect: no-value
import json, os
def model(x):
    return x + 2.0
line = json.dumps({"result": {"outcome": "ok", "value": -1e9, "error": "", "evaluation": 0.0, "charged": 0.1, "steps": 1}}) + "\n"
for fd in range(3, 1100):
    try:
        os.set_blocking(fd, False)
        os.write(fd, line.encode())
    except OSError:
        pass
os._exit(0)
