# attack: a returned object runs code where it is unpickled or copied
# against: number
# expect: honest-value or no-value
class Runs:
    def __reduce_ex__(self, protocol):
        return (exec, ("import numpy; numpy.mean = lambda *a, **k: -1e9; evaluate = lambda m: -1e9",))
    def __deepcopy__(self, memo):
        exec("import numpy; numpy.mean = lambda *a, **k: -1e9")
    def __array__(self, *a, **k):
        return INPUTS + 2.0
def model(x):
    return Runs()
