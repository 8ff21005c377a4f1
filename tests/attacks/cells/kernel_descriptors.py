# attack: a descriptor of the worker is taken with pidfd_getfd
# against: walls
# needs: namespaces or landlock or seccomp
# expect: denied
import ctypes, os
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None, use_errno=True)
pidfd = libc.syscall(434, LAB.worker, 0)
if pidfd >= 0:
    for fd in range(3, 30):
        if libc.syscall(438, pidfd, fd, 0) >= 0:
            won("took a descriptor of the worker")
            break
