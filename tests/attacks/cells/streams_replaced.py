# attack: sys.stdout is an object that raises, closes and prints
# against: number
# expect: honest-value or no-value
import sys
class Stream:
    def write(self, text):
        raise SystemExit(0)
    def flush(self):
        print("loss: -1000000.0", file=sys.__stdout__)
        raise KeyboardInterrupt
    def __getattr__(self, name):
        raise RuntimeError(name)
def model(x):
    return x + 2.0
sys.stdout = sys.stderr = Stream()
