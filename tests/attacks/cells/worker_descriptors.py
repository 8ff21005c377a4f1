# attack: the worker's descriptors are opened through /proc
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    for name in os.listdir(f"/proc/{LAB.worker}/fd"):
        if int(name) > 2:
            won("listed the worker's descriptors: " + os.readlink(f"/proc/{LAB.worker}/fd/{name}")[:4])
            break
except OSError:
    pass
