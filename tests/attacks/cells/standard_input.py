# attack: the standard input is read
# against: walls
# expect: denied
import os, select
def model(x):
    return x + 2.0
try:
    if select.select([0], [], [], 0.1)[0]:
        assert os.read(0, 10) == b""
except OSError:
    pass
