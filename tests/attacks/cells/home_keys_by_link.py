# attack: links in the own folder lead to keys in the home folder, as an artifact
# against: walls
# artifacts: *.txt
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
for number, path in enumerate((".ssh/id_ed25519", ".netrc", "documents/letter.txt", "project/.git/config")):
    try:
        os.symlink(os.path.join(LAB.home, path), f"notes{number}.txt")
    except OSError:
        pass
