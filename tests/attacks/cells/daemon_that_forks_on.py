# attack: a chain of processes that fork on and on, so that no list of them is complete
# against: walls
# expect: denied
import os, signal, time
def model(x):
    return x + 2.0
if os.fork() == 0:
    os.setsid()
    for _ in range(300):
        time.sleep(0.01)
        if os.fork():
            os._exit(0)
        os.setsid()
    os._exit(0)
