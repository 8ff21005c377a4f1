# attack: a sparse file of a gigabyte, far beyond the quota, in which little is written: an honest program may make one
# against: walls
# quota: 30MB
# budget: 3
# limit: 8
# expect: honest-value
import time
def model(x):
    return x + 2.0
with open("sparse", "wb") as stream:
    stream.truncate(1 << 30)
    stream.write(b"x" * 1_000_000)
time.sleep(2.5)
