# attack: files are opened by handle, past all paths
# against: walls
# needs: namespaces or landlock or seccomp or not root
# expect: denied
import ctypes, os
def model(x):
    return x + 2.0
libc = ctypes.CDLL(None, use_errno=True)
handle = (ctypes.c_char * 128)()
ctypes.c_uint32.from_buffer(handle).value = 120
mount_id = ctypes.c_int()
path = (LAB.home + "/.netrc").encode()
if libc.name_to_handle_at(-100, path, handle, ctypes.byref(mount_id), 0) == 0:
    fd = libc.open_by_handle_at(os.open("/", os.O_RDONLY), handle, os.O_RDONLY)
    if fd >= 0:
        print(os.read(fd, 100).decode())
