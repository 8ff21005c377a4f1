# attack: other processes of the user are found in /proc
# against: walls
# needs: namespaces
# expect: denied
import os
def model(x):
    return x + 2.0
if os.path.exists(f"/proc/{LAB.kernel}/cmdline"):
    with open(f"/proc/{LAB.kernel}/cmdline") as stream:
        if "secret" in stream.read():
            won("read another process's command line")
