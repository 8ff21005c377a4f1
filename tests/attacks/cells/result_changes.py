# attack: a returned list has other items each time that it is read
# against: number
# expect: honest-value or no-value
# open: an object of the target is asked each time that it is read, so a check and a later use can see two values; a metric copies first, as by list(...)
# --- setup
LABELS = [1.0, 2.0, 3.0]
def evaluate(model):
    found = model(LABELS)
    if any(abs(each) > 10 for each in found):
        raise ValueError("too large")
    return sum(found)
# --- honest
def model(x):
    return [each + 1.0 for each in x]
# --- target
class Changing(list):
    reads = 0
    def __iter__(self):
        Changing.reads += 1
        return iter([2.0, 3.0, 4.0] if Changing.reads < 2 else [-1e9])
def model(x):
    return Changing([2.0, 3.0, 4.0])
