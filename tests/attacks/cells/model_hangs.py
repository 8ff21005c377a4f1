# attack: the model never returns
# against: number
# limit: 1.5
# expect: timeout
import time
def model(x):
    while True:
        time.sleep(1)
