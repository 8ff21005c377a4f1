# attack: files in the home folder that other programs run at their start
# against: walls
# needs: namespaces or landlock
# expect: denied
import os, site
def model(x):
    return x + 2.0
for path in (".profile", ".config/autostart/x.desktop", ".ipython/profile_default/startup/00.py", ".local/lib/python3/site-packages/usercustomize.py"):
    try:
        os.makedirs(os.path.dirname(os.path.join(LAB.home, path)), exist_ok=True)
        with open(os.path.join(LAB.home, path), "a") as stream:
            stream.write("true\n")
    except OSError:
        pass
