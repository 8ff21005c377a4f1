# attack: the memory of another process is read with process_vm_readv
# against: walls
# needs: namespaces or landlock or seccomp
# expect: denied
import ctypes
def model(x):
    return x + 2.0
class Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(64)
here, there = Span(ctypes.addressof(buffer), 64), Span(LAB.address, 64)
if libc.process_vm_readv(LAB.kernel, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
    print(buffer.value)
