# attack: the notebook and files beside it are changed
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
for path in (LAB.project + "/notebook.ipynb", os.path.realpath("notebook.ipynb"), "notebook.ipynb"):
    try:
        with open(path, "r+") as stream:
            stream.write("overwritten")
    except OSError:
        pass
