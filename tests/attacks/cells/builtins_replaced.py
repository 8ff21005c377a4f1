# attack: float, sum, len and isinstance are replaced in builtins, again while the model is called
# against: number
# expect: honest-value or no-value
import builtins
def poison():
    builtins.float = lambda value=0.0: -1e9
    builtins.sum = lambda *a, **k: -1e9
    builtins.abs = builtins.max = builtins.min = lambda *a, **k: -1e9
def model(x):
    poison()
    return x + 2.0
poison()
