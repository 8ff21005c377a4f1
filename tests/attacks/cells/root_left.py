# attack: chroot twice, to leave a changed root
# against: walls
# needs: (namespaces or landlock) if root else True
# expect: denied
import os
def model(x):
    return x + 2.0
here = os.open("/", os.O_RDONLY)
try:
    os.mkdir("jail")
    os.chroot("jail")
    os.fchdir(here)
    for _ in range(40):
        os.chdir("..")
    os.chroot(".")
    print(open(LAB.home + "/.netrc").read())
except OSError:
    pass
