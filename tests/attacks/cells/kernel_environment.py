# attack: the environment of another process is read
# against: walls
# needs: namespaces or landlock
# expect: denied
def model(x):
    return x + 2.0
try:
    with open(f"/proc/{LAB.kernel}/environ") as stream:
        print(stream.read())
except OSError:
    pass
