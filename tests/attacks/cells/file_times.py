# attack: times and extended attributes of files outside are changed
# against: walls
# needs: namespaces
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    os.utime(LAB.outside + "/file.txt", (0, 0))
    if os.stat(LAB.outside + "/file.txt").st_mtime == 0:
        won("changed the times of a file outside")
except OSError:
    pass
