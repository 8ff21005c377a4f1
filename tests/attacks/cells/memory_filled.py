# attack: memory is filled beyond the limit
# against: walls
# memory: 4e8
# expect: out-of-memory or crash
# limit: 20
blocks = []
for _ in range(60):
    blocks.append(bytearray(b"x" * 20_000_000))
import time
time.sleep(3)
