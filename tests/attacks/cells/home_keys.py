# attack: keys and documents in the home folder are read
# against: walls
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
for path in (".ssh/id_ed25519", ".aws/credentials", ".netrc", ".cache/huggingface/token", "documents/letter.txt", ".bash_history"):
    try:
        with open(os.path.join(LAB.home, path)) as stream:
            print(stream.read())
    except OSError:
        pass
