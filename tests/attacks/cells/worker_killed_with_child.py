# attack: the worker is killed, and a process with a session of its own stays
# against: walls
# needs: namespaces or landlock
# expect: denied
import os, signal, time
def model(x):
    return x + 2.0
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(25)
    os._exit(0)
try:
    os.kill(LAB.worker, signal.SIGKILL)
except OSError:
    pass
