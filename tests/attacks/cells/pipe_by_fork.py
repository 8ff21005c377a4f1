# attack: a forked process writes a later result, and goes on to the end as well
# against: number
# expect: honest-value or no-value
import os
def model(x):
    return x + 2.0
if os.fork() == 0:
    model = lambda x: LABELS
