# attack: the training goes on outside of the clock's loop, which then finds no time spent
# against: number
# budget: 0.3
# check: m.outcome is not Outcome.OK or m.charged >= 0.5
# expect: honest-value or no-value
import time
time.sleep(0.6)
def model(x):
    return x + 2.0
for step in clock:
    break
