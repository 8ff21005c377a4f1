# attack: temporary files are left
# against: walls
# expect: denied
import tempfile
def model(x):
    return x + 2.0
for _ in range(3):
    with open(tempfile.mkstemp()[1], "w") as stream:
        stream.write("left")
    tempfile.mkdtemp()
