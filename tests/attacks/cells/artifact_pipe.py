# attack: an artifact is a named pipe, a device, a folder, a link to itself
# against: walls
# artifacts: *.txt
# expect: denied
import os
def model(x):
    return x + 2.0
os.mkfifo("pipe.txt")
os.mkdir("folder.txt")
os.symlink("loop.txt", "loop.txt")
os.symlink("/dev/zero", "zero.txt")
os.symlink("/dev/stdin", "input.txt")
