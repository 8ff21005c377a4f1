# attack: files that lie deeper than any path can say take more than the quota
# against: walls
# quota: 30MB
# limit: 8
# expect: crash
import os, time
def model(x):
    return x + 2.0
top = os.getcwd()
for _ in range(60):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
with open("filled", "wb") as stream:
    for _ in range(300):
        stream.write(b"x" * 1_000_000)
        stream.flush()
        time.sleep(0.01)
os.chdir(top)
