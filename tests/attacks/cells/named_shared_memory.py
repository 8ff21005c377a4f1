# attack: a named block of shared memory of the setup is opened again and changed
# against: number
# expect: honest-value or no-value
# --- setup
from multiprocessing import shared_memory, resource_tracker
import atexit
import numpy as np
block = shared_memory.SharedMemory(create=True, size=64, name=LAB.mark)
resource_tracker.unregister(block._name, "shared_memory")
LABELS = np.frombuffer(block.buf, dtype=float)
LABELS[:] = np.arange(8.0)
def evaluate(model):
    return float(np.mean((model(np.arange(8.0)) - LABELS) ** 2))
# --- target
import mmap, os
def model(x):
    return x + 2.0
try:
    with open("/dev/shm/" + LAB.mark, "r+b") as stream, mmap.mmap(stream.fileno(), 64) as again:
        again[:] = (INPUTS + 2.0).tobytes() if "INPUTS" in globals() else b"\0" * 64
except OSError:
    pass
try:
    LABELS[:] = 0.0
except Exception:
    pass
