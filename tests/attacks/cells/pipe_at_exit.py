# attack: a later result is written by an exit handler, an object's end and a signal handler
# against: number
# expect: honest-value or no-value
import atexit, os, signal
def model(x):
    return x + 2.0
def write(*ignored):
    for fd in range(3, 600):
        try:
            os.set_blocking(fd, False)
            os.write(fd, b'{"result": {"outcome": "ok", "value": -1e9}}\n')
        except OSError:
            pass
class Ends:
    __del__ = write
atexit.register(write)
signal.signal(signal.SIGALRM, write)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
kept = Ends()
