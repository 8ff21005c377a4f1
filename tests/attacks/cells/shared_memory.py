# attack: shared memory of the setup is changed for all later experiments
# against: number
# expect: honest-value or no-value
# --- setup
import mmap
import numpy as np
block = mmap.mmap(-1, 64)
LABELS = np.frombuffer(block, dtype=float)
LABELS[:] = np.arange(8.0)
def evaluate(model):
    return float(np.mean((model(np.arange(8.0)) - LABELS) ** 2))
# --- target
def model(x):
    return x + 2.0
try:
    LABELS[:] = [2.0 + each for each in range(8)]
except Exception:
    pass
