# attack: the file of a further number is a named pipe, which nobody writes to
# against: walls
# also: size=file:size.txt
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    os.mkfifo("size.txt")
except OSError:
    pass
