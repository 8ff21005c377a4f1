# attack: the model returns an object whose __array__ and arithmetic lie
# against: number
# expect: honest-value or no-value
import numpy as np
class Liar:
    def __array__(self, *a, **k):
        return LABELS.view(Sub)
    def __sub__(self, other):
        return np.zeros(8)
    __rsub__ = __add__ = __sub__
class Sub(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.full(8, -1e9)
    def __sub__(self, other):
        return np.full(8, -1e9).view(Sub)
    def __pow__(self, other):
        return np.full(8, -1e9).view(Sub)
def model(x):
    return (x + 2.0).view(Sub)
