# attack: several processes fill memory together
# against: walls
# memory: 4e8
# expect: out-of-memory or crash
# limit: 20
import os, time
for _ in range(5):
    if os.fork() == 0:
        block = bytearray(b"x" * 150_000_000)
        time.sleep(3)
        os._exit(0)
time.sleep(3)
