# attack: a map of bpf is made
# against: walls
# needs: seccomp or not root
# expect: denied
import ctypes, platform
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None, use_errno=True)
if platform.machine() == "x86_64":
    attributes = (ctypes.c_char * 128)()
    for offset, value in ((0, 2), (4, 4), (8, 8), (12, 1)):
        ctypes.c_uint32.from_buffer(attributes, offset).value = value
    if libc.syscall(321, 0, attributes, 72) >= 0:
        won("made a map of bpf")
