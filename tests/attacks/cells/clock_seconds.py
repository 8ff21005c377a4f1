# attack: the evaluation's own time and the charged time are forged
# against: number
# check: m.charged >= 0.0 and m.evaluation < 5 and m.seconds < 10
# expect: honest-value or no-value
import time
def model(x):
    return x + 2.0
time.monotonic = time.perf_counter = lambda: -1e6
