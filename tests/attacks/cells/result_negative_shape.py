# attack: the stand-in's arrays have a shape, strides and a type that lie
# against: number
# expect: honest-value or no-value
import numpy as np
class Shape(np.ndarray):
    shape = property(lambda self: (8,) if not getattr(self, "asked", False) else (2**40,))
    strides = property(lambda self: (-(2**40),))
    nbytes = property(lambda self: -1)
    size = property(lambda self: 2**62)
    def tobytes(self, *a):
        return b"\0" * 3
def model(x):
    return (x + 2.0).view(Shape)
