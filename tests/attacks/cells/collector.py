# attack: every dictionary and function of the process is searched for the metric and changed
# against: number
# expect: honest-value or no-value
import gc, types
def model(x):
    return x + 2.0
for each in gc.get_objects():
    if type(each) is dict:
        try:
            if each.get("expression") == "evaluate(model)":
                each["expression"] = "-1e9"
            if callable(each.get("evaluate")) and "LABELS" in each:
                each["evaluate"] = lambda model: -1e9
        except Exception:
            pass
    elif isinstance(each, types.FunctionType) and each.__name__ in ("evaluate", "number", "read_metric", "result_of") and each.__module__ != "numpy":
        try:
            each.__code__ = (lambda *a, **k: -1e9).__code__
        except Exception:
            pass
