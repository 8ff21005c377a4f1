# attack: the own folder and the temporary one are filled beyond the quota
# against: walls
# quota: 3e7
# needs: limits or namespaces
# expect: honest-value or no-value
import os, tempfile
def model(x):
    return x + 2.0
written = 0
try:
    for number in range(6):
        with open(os.path.join(tempfile.gettempdir(), f"filled{number}"), "wb") as stream:
            for _ in range(10):
                stream.write(b"x" * 1_000_000)
                stream.flush()
                written += 1_000_000
except OSError:
    pass
