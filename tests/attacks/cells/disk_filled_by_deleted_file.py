# attack: a file that is deleted and still open grows beyond the quota
# against: walls
# quota: 30MB
# limit: 8
# expect: crash
import os, time
def model(x):
    return x + 2.0
stream = open("filled", "wb")
os.unlink("filled")
for _ in range(400):
    stream.write(b"x" * 1_000_000)
    stream.flush()
    time.sleep(0.01)
