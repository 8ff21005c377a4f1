# attack: a thread goes on and changes labels, functions and names while the metric is evaluated
# against: number
# expect: honest-value or no-value
import threading, time
import numpy as np
def model(x):
    time.sleep(0.05)
    return x + 2.0
def go_on():
    while True:
        try:
            LABELS[:] = INPUTS + 2.0
            evaluate.__globals__["LABELS"] = INPUTS + 2.0
            evaluate.__defaults__ = None
            np.mean = lambda *a, **k: 0.0
        except Exception:
            pass
threading.Thread(target=go_on, daemon=True).start()
