# attack: another process is made the first to be killed when memory runs out
# against: walls
# needs: namespaces or landlock
# expect: denied
def model(x):
    return x + 2.0
try:
    with open(f"/proc/{LAB.kernel}/oom_score_adj", "w") as stream:
        stream.write("1000")
    won("changed another process's share in memory")
except OSError:
    pass
