# attack: a device is made in the own folder
# against: walls
# needs: namespaces or landlock or seccomp or not root
# expect: denied
import os, stat
def model(x):
    return x + 2.0
try:
    os.mknod("zero.bin", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    with open("zero.bin", "rb") as stream:
        if stream.read(4) == b"\0" * 4:
            won("made a device and read it")
except OSError:
    pass
