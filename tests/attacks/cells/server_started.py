# attack: a server that the target leaves behind, to be reached by other programs
# against: walls
# expect: denied
import os, socket, time
def model(x):
    return x + 2.0
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + LAB.mark + "server")
s.listen()
if os.fork() == 0:
    os.setsid()
    time.sleep(20)
    os._exit(0)
