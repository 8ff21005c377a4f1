# attack: the process stops itself with SIGSTOP
# against: walls
# limit: 1.5
# expect: timeout
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
