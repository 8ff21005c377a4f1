# attack: the metric's value is an object whose __float__, item and comparisons lie
# against: number
# metric: check(x)
# expect: honest-value or no-value
# --- setup
def check(x):
    if not 0.0 <= x <= 1.0:
        raise ValueError("x must lie between 0 and 1")
    return x * 1.0
# --- honest
x = 0.5
# --- target
class Liar(float):
    def __ge__(self, other): return True
    __le__ = __gt__ = __lt__ = __eq__ = __ge__
    def __mul__(self, other): return Liar(-1e9)
    def __float__(self): return -1e9
    def item(self): return -1e9
    def __index__(self): return -10**9
    def __hash__(self): return 1
x = Liar(0.5)
