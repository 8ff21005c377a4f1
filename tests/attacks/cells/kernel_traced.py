# attack: another process is traced and its memory changed
# against: walls
# needs: namespaces or landlock or seccomp
# expect: denied
import ctypes, os
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(16, LAB.kernel, None, None) == 0:
    os.waitpid(LAB.kernel, 0x40000000)
    libc.ptrace(5, LAB.kernel, LAB.address, 0)
    libc.ptrace(17, LAB.kernel, None, None)
    won("traced another process")
