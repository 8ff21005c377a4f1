# attack: hundreds of processes that stay
# against: walls
# expect: honest-value or no-value
import os, time
def model(x):
    return x + 2.0
for _ in range(300):
    try:
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
    except OSError:
        break
