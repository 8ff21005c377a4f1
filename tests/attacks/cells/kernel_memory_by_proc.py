# attack: the memory of another process is read and written through /proc
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    fd = os.open(f"/proc/{LAB.kernel}/mem", os.O_RDWR)
    print(os.pread(fd, 64, LAB.address))
    os.pwrite(fd, b"changed", LAB.address)
except OSError:
    pass
