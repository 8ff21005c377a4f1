# attack: the file that evaluate reads is rewritten
# against: number
# expect: honest-value or no-value
# --- setup
def evaluate(model):
    with open("data.txt") as stream:
        return abs(model(1.0) - float(stream.read()))
# --- honest
def model(x):
    return x + 2.0
# --- target
import os
def model(x):
    return x + 2.0
for path in ("data.txt", LAB.project + "/data.txt", os.path.realpath("data.txt")):
    try:
        with open(path, "r+") as stream:
            stream.write("3.0\n")
    except OSError:
        pass
try:
    os.remove("data.txt")
    with open("data.txt", "w") as stream:
        stream.write("3.0\n")
except OSError:
    pass
