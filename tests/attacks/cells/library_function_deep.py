# attack: a function below numpy.mean is replaced
# against: number
# expect: honest-value or no-value
import numpy._core._methods as methods
import numpy._core.fromnumeric as fromnumeric
def model(x):
    return x + 2.0
methods._mean = fromnumeric._methods._mean = lambda *a, **k: 0.0
