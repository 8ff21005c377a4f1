# attack: a daemon with a session of its own writes more than the quota
# against: walls
# quota: 30MB
# limit: 8
# expect: crash
import os, time
def model(x):
    return x + 2.0
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("filled", "wb") as stream:
            for _ in range(600):
                stream.write(b"x" * 1_000_000)
                stream.flush()
                time.sleep(0.01)
    os._exit(0)
time.sleep(6)
