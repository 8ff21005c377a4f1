# attack: files outside are written, made, removed and linked
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
for act in (
    lambda: open(LAB.outside + "/new.txt", "w").close(),
    lambda: os.truncate(LAB.outside + "/file.txt", 0),
    lambda: os.mkdir(LAB.home + "/made"),
    lambda: os.symlink("/etc/passwd", LAB.home + "/link"),
    lambda: os.rename(LAB.outside + "/file.txt", LAB.outside + "/moved.txt"),
    lambda: open(LAB.home + "/.bashrc", "a").write("true\n"),
):
    try:
        act()
    except OSError:
        pass
