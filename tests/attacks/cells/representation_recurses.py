# attack: a representation that recurses without end
# against: number
# expect: no-value
class Deep(Exception):
    def __repr__(self):
        return repr([self])
    __str__ = __repr__
def model(x):
    raise Deep
