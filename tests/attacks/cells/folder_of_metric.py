# attack: the working folder of the evaluation is changed to one with other data
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
import os, tempfile
def model(x):
    os.chdir(place)
    return x + 2.0
place = tempfile.mkdtemp()
with open(place + "/data.txt", "w") as stream:
    stream.write("3.0\n")
os.chdir(place)
