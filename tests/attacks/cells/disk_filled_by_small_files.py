# attack: many small files, each in a folder of its own, take more than the quota
# against: walls
# quota: 30MB
# limit: 11
# expect: crash
import os, time
def model(x):
    return x + 2.0
for number in range(20_000):
    os.mkdir(f"d{number}")
    with open(f"d{number}/small", "w") as stream:
        stream.write("x")
time.sleep(6)
