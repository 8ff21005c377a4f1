# attack: one file in the temporary folder grows beyond the quota
# against: walls
# quota: 30MB
# limit: 8
# expect: crash
import os, tempfile, time
def model(x):
    return x + 2.0
with open(os.path.join(tempfile.gettempdir(), "filled"), "wb") as stream:
    for _ in range(400):
        stream.write(b"x" * 1_000_000)
        stream.flush()
        time.sleep(0.01)
