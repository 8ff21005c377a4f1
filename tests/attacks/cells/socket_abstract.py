# attack: a connection to an abstract unix socket
# against: walls
# needs: namespaces or landlock
# expect: denied
import socket
def model(x):
    return x + 2.0
try:
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(LAB.abstract)
except OSError:
    pass
