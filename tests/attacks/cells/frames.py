# attack: the runner's frames are found, and the job's metric and the frozen names changed there
# against: number
# expect: honest-value or no-value
import sys
def model(x):
    return x + 2.0
frame = sys._getframe()
while frame is not None:
    for value in list(frame.f_locals.values()):
        if isinstance(value, dict):
            if "metric" in value:
                value["metric"] = {"name": "loss", "expression": "-1e9", "valid": ""}
                value["also"] = {}
            if "evaluate" in value:
                value["evaluate"] = lambda model: -1e9
    for name in ("result", "details"):
        if isinstance(frame.f_locals.get(name), dict):
            frame.f_locals[name].update(outcome="ok", value=-1e9)
    frame = frame.f_back
