# attack: a module in the working folder stands before the one that evaluate imports
# against: number
# expect: honest-value or no-value
# --- setup
def evaluate(model):
    import colorsys
    return model(colorsys.rgb_to_hsv(0.5, 0.5, 0.5)[2])
# --- target
import os, sys
def model(x):
    return x + 2.0
try:
    with open("colorsys.py", "w") as stream:
        stream.write("def rgb_to_hsv(*a): return 0, 0, -100.0\n")
except OSError:
    pass
sys.modules.pop("colorsys", None)
sys.path.insert(0, os.getcwd())
