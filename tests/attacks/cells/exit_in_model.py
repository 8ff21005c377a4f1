# attack: the process ends while the model is called
# against: number
# expect: no-value
import os
def model(x):
    print("loss: -1000000.0", flush=True)
    os._exit(0)
