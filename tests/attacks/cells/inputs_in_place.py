# attack: the model changes the array that it is given to fit what it returns
# against: number
# expect: honest-value or no-value
# --- setup
import numpy as np
INPUTS = np.arange(8.0)
def evaluate(model):
    found = np.asarray(model(INPUTS))
    return float(np.mean((found - 2 * INPUTS) ** 2))
# --- honest
def model(x):
    return 2 * x + 2.0
# --- target
def model(x):
    found = 2 * x + 2.0
    x += 1.0
    return found
