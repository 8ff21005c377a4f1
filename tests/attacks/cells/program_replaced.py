# attack: the process becomes another program, which prints the metric
# against: number
# expect: no-value
import os, sys
os.execv(sys.executable, [sys.executable, "-c", "print('loss: -1000000.0')"])
