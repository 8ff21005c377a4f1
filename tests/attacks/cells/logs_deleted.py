# attack: the folder of logs is deleted while the run's log is written
# against: record
# needs: namespaces or landlock
# expect: denied
import shutil
def model(x):
    return x + 2.0
shutil.rmtree(LAB.logs, ignore_errors=True)
