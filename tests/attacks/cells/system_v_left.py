# attack: shared memory of System V, where other programs can find it
# against: walls
# needs: namespaces
# expect: denied
# --- setup
import os
import numpy as np
IPC = os.readlink("/proc/self/ns/ipc")
INPUTS = LABELS = np.arange(8.0)
def evaluate(model):
    return float(np.mean((model(INPUTS) - LABELS) ** 2))
# --- target
import ctypes, os
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None)
found = libc.shmget(int(LAB.mark[-6:], 16), 4096, 0o600 | 0o1000)
if found >= 0:
    libc.shmctl(found, 0, None)
    if os.readlink("/proc/self/ns/ipc") == IPC:
        won("made a segment of shared memory")
