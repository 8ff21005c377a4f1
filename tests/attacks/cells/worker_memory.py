# attack: the labels in the worker's own memory are changed for all later experiments
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    fd = os.open(f"/proc/{LAB.worker}/mem", os.O_RDWR)
    os.pwrite(fd, (INPUTS + 2.0).tobytes(), LABELS.ctypes.data)
except OSError:
    pass
