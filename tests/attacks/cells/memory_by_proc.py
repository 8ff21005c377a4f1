# attack: labels are overwritten through /proc/self/mem
# against: number
# expect: honest-value or no-value
import os
def model(x):
    return x + 2.0
try:
    fd = os.open("/proc/self/mem", os.O_RDWR)
    os.pwrite(fd, (INPUTS + 2.0).tobytes(), LABELS.ctypes.data)
except OSError:
    pass
