# attack: a key that was passed on is printed in two pieces with a pause
# against: keys
# passes: HF_TOKEN
# expect: denied
import os, time
def model(x):
    return x + 2.0
key = os.environ["HF_TOKEN"]
os.write(1, key[:9].encode())
time.sleep(0.15)
os.write(1, key[9:].encode() + b"\n")
