# attack: another program reads the keys in the home folder
# against: walls
# needs: namespaces or landlock
# expect: denied
import subprocess
def model(x):
    return x + 2.0
done = subprocess.run(["sh", "-c", f"cat {LAB.home}/.ssh/* {LAB.home}/.netrc; cat ~/.ssh/*"], capture_output=True, text=True)
print(done.stdout)
