# attack: megabytes of output, of long lines and of control characters
# against: record
# expect: honest-value or no-value
import os
def model(x):
    return x + 2.0
for _ in range(20):
    os.write(1, b"x" * 1_000_000)
for _ in range(5_000):
    os.write(1, b"\x00\xff\x1b[2J")
