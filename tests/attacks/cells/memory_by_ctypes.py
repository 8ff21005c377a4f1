# attack: labels, code constants and small integers are overwritten in memory
# against: number
# expect: honest-value or no-value
import ctypes
def model(x):
    return x + 2.0
ctypes.memmove(LABELS.ctypes.data, (INPUTS + 2.0).ctypes.data, 64)
for constant in evaluate.__code__.co_consts:
    if constant == 2:
        ctypes.c_uint32.from_address(id(constant) + 24).value = 0
