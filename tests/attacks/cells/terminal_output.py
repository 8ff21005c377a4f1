# attack: text is written to the user's terminal
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    fd = os.open(LAB.terminal, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    os.write(fd, b"your password, please:")
    won("wrote to a terminal")
except OSError:
    pass
