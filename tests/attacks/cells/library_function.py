# attack: numpy.mean is replaced
# against: number
# expect: honest-value or no-value
import numpy as np
def model(x):
    return x + 2.0
np.mean = lambda *a, **k: 0.0
np.asarray = lambda *a, **k: LABELS
