# attack: an endless loop that ignores SIGTERM
# against: walls
# limit: 1
# expect: timeout
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
    signal.signal(number, signal.SIG_IGN)
while True:
    time.sleep(0.01)
