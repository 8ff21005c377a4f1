# attack: a later line says another value, where the metric is printed
# against: number
# metric: printed
# expect: honest-value or no-value
# --- setup
# --- honest
print("loss: 4.0")
# --- target
import os
print("loss: 4.0", flush=True)
if os.fork() == 0:
    import time
    time.sleep(0.02)
    print("loss: -1000000.0", flush=True)
    os._exit(0)
import time
time.sleep(0.1)
