# attack: a sparse file of a terabyte is an artifact
# against: walls
# artifacts: *.txt
# expect: honest-value or no-value
def model(x):
    return x + 2.0
try:
    with open("notes.txt", "w") as stream:
        stream.truncate(1 << 40)
except OSError:
    pass
