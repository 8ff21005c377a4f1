# attack: the offset of a file that the setup has open is moved
# against: number
# expect: honest-value or no-value
# --- setup
STREAM = open("data.txt")
def evaluate(model):
    STREAM.seek(0)
    return abs(model(1.0) - float(STREAM.read()))
# --- honest
def model(x):
    return x + 2.0
# --- target
import os
def model(x):
    return x + 2.0
fd = STREAM.fileno()
with open("own.txt", "w") as stream:
    stream.write("3.0\n")
other = os.open("own.txt", os.O_RDONLY)
os.dup2(other, fd)
