"""What the real agents work on: a repository of three files and a single file, and a "model" that improves both step by step."""

import re
import subprocess
import threading

from .loopback import Call, Say

RATES = (6.0, 4.0, 3.5)
"""What the model tries, question after question; 3 is the best."""

MODEL = '''"""The part that may be improved."""

rate = 10.0
steps = 3
'''

SCORE = '''"""Measures the model; prints the loss."""

from model import rate, steps

print("loss:", (rate - 3.0) ** 2 + 0.1 * steps)
'''

PROGRAM = """# Lower the loss

Goal: lower the loss
Scope: model.py
Verify: python3 score.py
Metric: loss
Direction: lower
"""

CELL = "rate = 10.0\nsteps = 3\nloss = (rate - 3.0) ** 2 + 0.1 * steps\n"


def repository(folder):
    """Make a repository of three files and return its folder."""
    folder.mkdir()
    for name, text in (("model.py", MODEL), ("score.py", SCORE), ("program.md", PROGRAM)):
        (folder / name).write_text(text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "The model")
    return folder


def git(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


class Improver:
    """Lowers ``rate`` by one of `RATES` in each conversation: with the tool that the agent offers, or in its own edit format."""

    def __init__(self, path):
        self.path = path
        self.rates = []
        self._lock = threading.Lock()

    def __call__(self, conversation):
        tools, results = conversation.tools, conversation.results
        if "exec_command" in tools:
            if results:
                return self.ending()
            change = f"import re; p = {self.path!r}; t = re.sub('rate = .*', 'rate = {self.next()}', open(p).read()); open(p, 'w').write(t)"
            return Call("exec_command", {"cmd": f'python3 -c "{change}"'})
        if {"read", "edit"} <= set(tools):
            if not results:
                return Call("read", {"filePath": self.path})
            if len(results) == 1:
                return Call(
                    "edit",
                    {"filePath": self.path, "oldString": line_of(results[0]), "newString": f"rate = {self.next()}"},
                )
            return self.ending()
        if "SEARCH/REPLACE" in conversation.system + conversation.text:
            block = f"<<<<<<< SEARCH\n{line_of(conversation.text)}\n=======\nrate = {self.next()}\n>>>>>>> REPLACE"
            return Say(f"{self.ending().text}\n\n{self.path}\n```python\n{block}\n```\n")
        return Say("A title")  # what agents ask for besides

    def next(self):
        with self._lock:
            self.rates.append(RATES[min(len(self.rates), len(RATES) - 1)])
            return self.rates[-1]

    def ending(self):
        rate = self.rates[-1] if self.rates else RATES[0]
        return Say(f"<summary>Lower the rate to {rate}</summary>\n<hypothesis>The rate is too high</hypothesis>")


def line_of(text):
    """Return the last line of a text that sets the rate."""
    return re.findall(r"rate = [\d.]+", text)[-1]
