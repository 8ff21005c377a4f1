# attack: a daemon forks twice, with a session of its own and without its parent
# against: walls
# expect: denied
import os, signal, time
def model(x):
    return x + 2.0
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.closerange(0, 1000)
        time.sleep(20)
    os._exit(0)
os.wait()
