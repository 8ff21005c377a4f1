# attack: time.perf_counter is replaced where the metric is a time
# against: number
# metric: seconds_of(work)
# check: m.value is None or m.value >= 0.09
# expect: honest-value or no-value
# --- setup
import time
def seconds_of(work):
    began = time.perf_counter()
    work()
    return max(0.1, round(time.perf_counter() - began, 1))
# --- honest
import time
def work():
    time.sleep(0.02)
# --- target
import time
def work():
    time.perf_counter = lambda: 0.0
    time.sleep(0.02)
time.perf_counter = lambda: 0.0
seconds_of.__globals__["time"] = type("T", (), {"perf_counter": staticmethod(lambda: 0.0)})
max = round = lambda *a: 0.0
