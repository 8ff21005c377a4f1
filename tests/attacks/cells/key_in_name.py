# attack: a key that was passed on is the name of a variable and of a number
# against: keys
# passes: HF_TOKEN
# expect: denied
import os
def model(x):
    return x + 2.0
key = os.environ["HF_TOKEN"]
globals()[key] = 1
print(f"{key}: 3.5")
report(step=1, **{key: 1.0})
