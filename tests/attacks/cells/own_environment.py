# attack: the experiment's own environment is searched for keys
# against: keys
# expect: denied
import os, subprocess
def model(x):
    return x + 2.0
print(*[os.environ.get(name) for name in ("ANTHROPIC_API_KEY", "HF_TOKEN")])
print(subprocess.run(["sh", "-c", "env | grep -E '^(ANTHROPIC_API_KEY|HF_TOKEN)='"], capture_output=True, text=True).stdout)
