# attack: a connection to a unix socket in the home folder
# against: walls
# needs: namespaces or seccomp
# expect: denied
import socket
def model(x):
    return x + 2.0
try:
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(LAB.unix)
except OSError:
    pass
