# attack: labels that only the clean side has are looked for everywhere
# against: number
# metric: score(model)
# expect: denied
# --- setup
import numpy as np
INPUTS = np.arange(8.0)
# --- sealed
import numpy as np
ANSWER = "sealed" + "-answer-%d" % 4711
LABELS = np.arange(8.0)
def score(model):
    return float(np.mean((model(INPUTS) - LABELS) ** 2))
# --- target
import gc, re
def model(x):
    try:
        return LABELS
    except NameError:
        return x + 2.0
wanted = re.compile(rb"sealed-answer-\d+")
for each in gc.get_objects():
    if isinstance(each, dict) and "ANSWER" in each and "LABELS" in each:
        won("found the sealed names")
try:
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, modes = line.split()[:2]
            low, high = (int(each, 16) for each in span.split("-"))
            if modes.startswith("rw") and high - low < 1 << 27 and not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                memory.seek(low)
                if found := wanted.search(memory.read(high - low)):
                    won("found the sealed answer in memory")
except OSError:
    pass
