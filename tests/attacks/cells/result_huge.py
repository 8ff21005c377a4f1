# attack: the model returns deep, huge and odd objects
# against: number
# expect: no-value
def model(x):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return deep
