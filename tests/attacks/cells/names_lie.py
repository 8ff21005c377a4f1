# attack: a dictionary key that is no text, and one that equals every other
# against: number
# expect: honest-value or no-value
class Key(str):
    __hash__ = str.__hash__
    def __eq__(self, other):
        return True
def model(x):
    return x + 2.0
globals()[3] = 4
globals()[Key("evaluate")] = lambda model: -1e9
globals()[Key("LABELS")] = INPUTS + 2.0
