# attack: the folder of a study is deleted
# against: record
# needs: namespaces or landlock
# expect: denied
import shutil
def model(x):
    return x + 2.0
shutil.rmtree(LAB.project + "/.autoresearch", ignore_errors=True)
shutil.rmtree(".autoresearch", ignore_errors=True)
