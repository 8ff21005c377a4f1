# attack: an array that is mapped from a file for writing is changed for all later experiments
# against: number
# expect: honest-value or no-value
# --- setup
import numpy as np
np.save("labels.npy", np.arange(8.0))
LABELS = np.load("labels.npy", mmap_mode="r+")
def evaluate(model):
    return float(np.mean((model(np.arange(8.0)) - LABELS) ** 2))
# --- target
def model(x):
    return x + 2.0
try:
    LABELS[:] = [2.0 + each for each in range(8)]
    LABELS.flush()
except Exception:
    pass
