# attack: the globals of evaluate get other labels after its own are bound again
# against: number
# expect: honest-value or no-value
def model(x):
    evaluate.__globals__["LABELS"] = x + 2.0
    return x + 2.0
