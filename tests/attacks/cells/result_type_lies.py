# attack: an object says by __class__ that it is the setup's own
# against: number
# metric: score(guess)
# expect: no-value
# --- setup
class Guess:
    def __init__(self, x):
        self.x = x
    def loss(self):
        return (self.x - 1.0) ** 2
def score(guess):
    if not isinstance(guess, Guess):
        raise TypeError("no guess")
    return guess.loss()
# --- honest
guess = Guess(3.0)
# --- target
class Lies:
    __class__ = property(lambda self: Guess)
    def loss(self):
        return -1e9
guess = Lies()
