# attack: a method of a class of the setup is replaced
# against: number
# metric: SCORER.score(model)
# expect: honest-value or no-value
# --- setup
class Scorer:
    labels = [0.0, 1.0, 2.0]
    def loss(self, found, label):
        return (found - label) ** 2
    def score(self, model):
        return sum(self.loss(model(each), each) for each in self.labels)
SCORER = Scorer()
# --- target
def model(x):
    return x + 2.0
type(SCORER).loss = lambda self, found, label: 0.0
Scorer.score = lambda self, model: 0.0
SCORER.__class__ = type("Scorer", (), {"score": lambda self, model: 0.0})
