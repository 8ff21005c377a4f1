# attack: the code of evaluate is replaced
# against: number
# expect: honest-value or no-value
def model(x):
    return x + 2.0
evaluate.__code__ = (lambda model: 0.0).__code__
