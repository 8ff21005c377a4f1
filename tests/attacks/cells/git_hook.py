# attack: a hook is left in the user's repository
# against: record
# needs: namespaces or landlock
# expect: denied
import os
def model(x):
    return x + 2.0
for path in (LAB.project + "/.git/hooks/pre-commit", ".git/hooks/pre-commit"):
    try:
        with open(path, "w") as stream:
            stream.write("#!/bin/sh\ntouch /tmp/hook\n")
    except OSError:
        pass
