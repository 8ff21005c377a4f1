# attack: the process prints the metric and ends with status 0
# against: number
# expect: no-value
import os
print("loss: -1000000.0", flush=True)
os._exit(0)
