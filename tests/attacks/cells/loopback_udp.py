# attack: a UDP packet to a server on loopback
# against: walls
# needs: namespaces or seccomp
# expect: denied
import socket
def model(x):
    return x + 2.0
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"secret.example.org", LAB.udp)
except OSError:
    pass
