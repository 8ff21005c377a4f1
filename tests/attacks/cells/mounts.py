# attack: a namespace of its own and a file system mounted in it
# against: walls
# needs: seccomp or landlock
# expect: denied
import ctypes, os
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs("mounted", exist_ok=True)
if os.fork() == 0:
    if libc.unshare(0x10000000 | 0x00020000) == 0 or libc.unshare(0x00020000) == 0:
        if libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0:
            if libc.mount(b"none", b"mounted", b"tmpfs", 0, None) == 0:
                won("mounted a file system")
    os._exit(0)
os.wait()
