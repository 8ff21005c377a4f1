# attack: the value is NaN that compares as smaller
# against: number
# metric: x
# expect: no-value
# --- honest
x = 1.0
# --- target
class Nan(float):
    def __lt__(self, other):
        return True
x = Nan("nan")
