# attack: an import hook gives evaluate another module
# against: number
# expect: honest-value or no-value
# --- setup
def evaluate(model):
    import fractions
    return float(fractions.Fraction(model(3.0) - 3.0))
# --- target
import builtins, importlib.abc, importlib.util, sys, types
def model(x):
    return x + 2.0
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == "fractions":
            return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec):
        made = types.ModuleType(spec.name)
        made.Fraction = lambda value: 0.0
        return made
    def exec_module(self, module):
        pass
sys.modules.pop("fractions", None)
sys.meta_path.insert(0, Finder())
real = builtins.__import__
builtins.__import__ = lambda name, *a, **k: Finder().create_module(type("S", (), {"name": name})) if name == "fractions" else real(name, *a, **k)
