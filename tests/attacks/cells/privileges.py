# attack: programs that raise privileges are started
# against: walls
# needs: seccomp or landlock or namespaces
# expect: denied
def model(x):
    return x + 2.0
with open("/proc/self/status") as stream:
    status = dict(line.split(":", 1) for line in stream if ":" in line)
if status["NoNewPrivs"].strip() != "1":
    won("could start programs that raise privileges")
