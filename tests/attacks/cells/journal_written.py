# attack: a journal of the project is overwritten
# against: record
# needs: namespaces or landlock
# expect: denied
def model(x):
    return x + 2.0
for path in (LAB.project + "/.autoresearch/other/journal.sqlite", ".autoresearch/other/journal.sqlite"):
    try:
        with open(path, "r+") as stream:
            stream.write("overwritten")
    except OSError:
        pass
