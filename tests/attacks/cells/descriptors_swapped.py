# attack: all descriptors become pipes that the target reads
# against: number
# expect: honest-value or no-value
import os
def model(x):
    return x + 2.0
read, write = os.pipe()
for fd in range(0, 1100):
    if fd not in (read, write):
        try:
            os.fstat(fd)
            os.dup2(write, fd)
        except OSError:
            pass
