# attack: all descriptors are closed
# against: number
# expect: honest-value or no-value
import os
def model(x):
    return x + 2.0
os.closerange(0, 4096)
