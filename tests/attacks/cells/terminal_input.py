# attack: characters are put into the input of the user's terminal
# against: walls
# needs: namespaces or landlock or seccomp
# expect: denied
import fcntl, os, termios
def model(x):
    return x + 2.0
try:
    fd = os.open(LAB.terminal, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, termios.TIOCSCTTY, 1)
    fcntl.ioctl(fd, termios.TIOCSTI, b"x")
    won("typed into a terminal")
except OSError:
    pass
