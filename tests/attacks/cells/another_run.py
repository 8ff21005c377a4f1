# attack: the folder of another run is read and written
# against: walls
# needs: namespaces or landlock
# expect: denied
import glob, os
def model(x):
    return x + 2.0
for folder in glob.glob(LAB.tmp + "/autoresearch-*"):
    try:
        with open(folder + "/result.txt") as stream:
            print(stream.read())
    except OSError:
        pass
