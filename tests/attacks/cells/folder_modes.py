# attack: the folders above are made writable for all
# against: walls
# needs: namespaces or landlock or seccomp
# expect: denied
import os
def model(x):
    return x + 2.0
for path in (LAB.project, LAB.home, LAB.outside + "/file.txt"):
    try:
        os.chmod(path, 0o777)
    except OSError:
        pass
