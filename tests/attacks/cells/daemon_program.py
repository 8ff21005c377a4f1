# attack: another program is started in the background, with its own session and no environment
# against: walls
# expect: denied
import subprocess
def model(x):
    return x + 2.0
subprocess.Popen(["setsid", "sleep", "20"], stdin=-3, stdout=-3, stderr=-3, start_new_session=True)
