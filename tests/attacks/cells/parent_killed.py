# attack: whatever the parent process is, it is killed
# against: walls
# needs: namespaces or landlock
# expect: honest-value or no-value
import os, signal
def model(x):
    return x + 2.0
parent = os.getppid()
try:
    if parent > 1 and parent == LAB.worker:
        os.kill(parent, signal.SIGKILL)
except OSError:
    pass
