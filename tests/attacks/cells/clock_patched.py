# attack: the clock is set back while the training goes on
# against: number
# check: m.outcome is not Outcome.OK or m.charged >= 0.5
# expect: honest-value or no-value
# open: what a target does before the first step of the clock is not charged to the budget; --clock wall and --timeout bound it
import time
from autoresearch_magic import clock as ours
end = time.monotonic() + 0.7
for _ in range(10_000):
    for name in list(vars(ours)):
        try:
            if isinstance(getattr(ours, name), float):
                setattr(ours, name, type(getattr(ours, name))(0.0))
        except Exception:
            pass
    time.sleep(0.02)
    if time.monotonic() > end:
        break
def model(x):
    return x + 2.0
type(ours).elapsed = 0.0
