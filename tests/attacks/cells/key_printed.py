# attack: a key that was passed on is printed, and written to an artifact
# against: keys
# passes: HF_TOKEN
# artifacts: *.txt
# expect: denied
import os
def model(x):
    return x + 2.0
print("token:", os.environ["HF_TOKEN"])
with open("notes.txt", "w") as stream:
    stream.write(os.environ["HF_TOKEN"])
