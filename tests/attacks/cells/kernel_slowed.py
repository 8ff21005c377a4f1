# attack: another process is given the lowest priority and one core
# against: walls
# needs: namespaces
# expect: denied
import os
def model(x):
    return x + 2.0
try:
    os.setpriority(os.PRIO_PROCESS, LAB.kernel, 19)
    won("changed another process's priority")
except OSError:
    pass
