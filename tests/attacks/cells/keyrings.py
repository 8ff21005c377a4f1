# attack: a secret is left in, and read from, the user's keyring
# against: walls
# needs: seccomp
# expect: denied
import ctypes, platform
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None, use_errno=True)
if platform.machine() == "x86_64" and libc.syscall(250, 0, -4, 0) >= 0:
    won("opened the user's keyring")
