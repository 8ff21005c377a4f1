# attack: files are left in /dev/shm, /tmp and /var/tmp
# against: walls
# needs: namespaces
# expect: denied
def model(x):
    return x + 2.0
for folder in ("/dev/shm", "/tmp", "/var/tmp", LAB.tmp):
    try:
        with open(f"{folder}/{LAB.mark}", "w") as stream:
            stream.write("left")
    except OSError:
        pass
