# attack: a result is written to the pipes in /proc/self/fd before the true one
# against: number
# expect: honest-value or no-value
import json, os, stat
def model(x):
    return x + 2.0
for word in ("result", "value", "answer", "done", "return"):
    body = {"outcome": "ok", "value": -1e9, "error": "", "evaluation": 0.0, "charged": 0.1, "steps": 1, "measured": "clean"}
    for message in ({word: body}, {"is": word, **body}, {"is": "done", "id": 1, "result": body}):
        for name in os.listdir("/proc/self/fd"):
            try:
                if int(name) > 2 and not stat.S_ISREG(os.fstat(int(name)).st_mode):
                    os.set_blocking(int(name), False)
                    os.write(int(name), json.dumps(message).encode() + b"\n")
            except OSError:
                pass
