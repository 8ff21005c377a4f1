# attack: the clock is set back while the training goes on
# against: number
# check: m.outcome is not Outcome.OK or m.charged >= 0.8
# expect: honest-value or no-value
import time
from autoresearch_magic import clock as ours
end = time.monotonic() + 1.0
for step in ours:
    for name in list(vars(ours)):
        try:
            if isinstance(getattr(ours, name), float):
                setattr(ours, name, type(getattr(ours, name))(0.0))
        except Exception:
            pass
    type(ours).elapsed = 0.0
    type(ours).expired = False
    time.sleep(0.02)
    if time.monotonic() > end:
        break
while time.monotonic() < end:
    time.sleep(0.02)
def model(x):
    return x + 2.0
