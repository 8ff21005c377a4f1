# attack: another process gets a limit of no open files
# against: walls
# needs: namespaces or seccomp
# expect: denied
import os, resource
def model(x):
    return x + 2.0
try:
    resource.prlimit(LAB.kernel, resource.RLIMIT_NOFILE, (0, 0))
except OSError:
    pass
