# attack: the runner's own pipe object is found by the garbage collector and written to
# against: number
# expect: honest-value or no-value
import gc
def model(x):
    return x + 2.0
for each in gc.get_objects():
    try:
        if type(each).__name__ in ("EventPipe", "Channel", "Connection", "socket"):
            each({"result": {"outcome": "ok", "value": -1e9, "error": ""}})
    except BaseException:
        pass
