# attack: the connection file of a Jupyter kernel is read
# against: walls
# needs: namespaces or landlock
# expect: denied
import glob
def model(x):
    return x + 2.0
for path in glob.glob(LAB.home + "/.local/share/jupyter/runtime/*"):
    try:
        with open(path) as stream:
            print(stream.read())
    except OSError:
        pass
