# attack: trace and profile functions change what evaluate computes
# against: number
# expect: honest-value or no-value
import sys, threading
import numpy as np
def model(x):
    return x + 2.0
def trace(frame, event, argument):
    if frame.f_code.co_name == "evaluate":
        frame.f_globals["LABELS"] = INPUTS + 2.0
        np.mean = lambda *a, **k: -1e9
    return trace
threading.settrace(trace)
threading.setprofile(trace)
sys.settrace(trace)
sys.setprofile(trace)
