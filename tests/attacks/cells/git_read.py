# attack: git's configuration, which may hold a token, is read
# against: walls
# needs: namespaces or landlock
# expect: denied
def model(x):
    return x + 2.0
for path in (LAB.project + "/.git/config", ".git/config"):
    try:
        with open(path) as stream:
            print(stream.read())
    except OSError:
        pass
