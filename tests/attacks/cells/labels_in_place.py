# attack: the labels are changed in place
# against: number
# expect: honest-value or no-value
def model(x):
    return x + 2.0
LABELS[:] = INPUTS + 2.0
