# attack: a journal and a log of the project are read
# against: walls
# needs: namespaces or landlock
# expect: denied
import glob
def model(x):
    return x + 2.0
for path in glob.glob(LAB.project + "/.autoresearch/**", recursive=True) + glob.glob(".autoresearch/**", recursive=True):
    try:
        with open(path) as stream:
            print(stream.read())
    except OSError:
        pass
