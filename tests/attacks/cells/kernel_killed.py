# attack: another process of the user is killed
# against: walls
# needs: namespaces or landlock
# expect: denied
import os, signal
def model(x):
    return x + 2.0
try:
    os.kill(LAB.kernel, signal.SIGKILL)
except OSError:
    pass
