# attack: a TCP connection to a server on loopback
# against: walls
# needs: namespaces or landlock
# expect: denied
import socket
def model(x):
    return x + 2.0
try:
    socket.create_connection(LAB.tcp, timeout=1).close()
except OSError:
    pass
