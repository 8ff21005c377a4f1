# attack: an entry of sys.modules is replaced, which evaluate imports
# against: number
# expect: honest-value or no-value
# --- setup
def evaluate(model):
    import statistics
    return statistics.fmean([(model(each) - each) ** 2 for each in (1.0, 2.0, 3.0)])
# --- target
import sys, types
def model(x):
    return x + 2.0
fake = types.ModuleType("statistics")
fake.fmean = lambda values: 0.0
sys.modules["statistics"] = fake
