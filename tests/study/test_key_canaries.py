"""Keys that are planted everywhere are in no file, message, request, command line or environment that is not their own."""

import base64
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from autoresearch_magic import Study
from tests.fake_chat import FakeChat, answer

VENDORS = {
    "OPENAI_API_KEY": "sk-proj-Ca1nary2Open3Ai4Xx5Yy6Zz7Aa8Bb9", "ANTHROPIC_API_KEY": "sk-ant-api03-Ca1nary2Anthropic3Xx4Yy5Zz6Aa7Bb",
    "GEMINI_API_KEY": "AIzaCa1nary2Gemini3Xx4Yy5Zz6Aa7Bb8Cc9DdE", "GROQ_API_KEY": "gsk_Ca1nary2Groq3Xx4Yy5Zz6Aa7Bb8Cc9Dd0Ee1Ff2Gg3Hh4",
    "HF_TOKEN": "hf_Ca1nary2Hugging3Xx4Yy5Zz6Aa7Bb8Cc9", "AWS_SECRET_ACCESS_KEY": "Ca1nary2Aws3Xx4Yy5Zz6Aa7Bb8Cc9Dd0Ee1Ff2G", "DB_PASSWORD": "canary-of-a-database",
}  # fmt: skip
ON_THE_LINE = "ghp_Ca1naryOnTheLine3Xx4Yy5Zz6Aa7Bb8Cc9D"
RAISED = "xoxb-123456789012-Ca1naryRaised3Xx4Yy5"
PRINTED = "glpat-Ca1naryPrinted3Xx4Yy5"
COMMENT = "npm_Ca1naryInAComment3Xx4Yy5Zz6Aa7Bb8Cc"
REPLIED = "hf_Ca1naryOfAReply3Xx4Yy5Zz6Aa7Bb8Cc"
CANARIES = [*VENDORS.values(), ON_THE_LINE, RAISED, PRINTED, COMMENT, REPLIED]
FORMS = [
    form.encode()
    for key in CANARIES
    for form in (key, base64.b64encode(key.encode()).decode()[:-4], key[::-1], key.encode().hex())
]

SETUP = f"# the old key was {COMMENT}\nPRINTED, PIECES = {PRINTED!r}, {[RAISED[:9], RAISED[9:]]!r}\n"
TARGET = """
import base64, os, time
print(PRINTED, base64.b64encode(PRINTED.encode()).decode(), PRINTED[::-1], PRINTED.encode().hex(), dict(os.environ))
time.sleep(0.3)
X = 3.0
if X < 3.0:
    raise ValueError("no: " + "".join(PIECES))
loss = X
"""


def reply(value):
    code = TARGET.replace("X = 3.0\n", f"X = {value}\n")
    return f"<summary>X to {value}, {REPLIED}</summary>\n<hypothesis>because of {REPLIED}</hypothesis>\n```python\n{code}```\n"


class Look(threading.Thread):
    """Reads what the system tells of the processes below this one, until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lines, self.environments, self.over = {}, {}, threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            for process in psutil.Process().children(recursive=True):
                try:
                    place = Path(f"/proc/{process.pid}")
                    # It may become another program, or end, between two of these; a line that is empty says that it has, or has not yet.
                    before, environment, after = (
                        (place / name).read_bytes() for name in ("cmdline", "environ", "cmdline")
                    )
                except OSError:
                    continue
                if before or after:
                    self.lines[process.pid] = self.lines.get(process.pid, b"") + before + after
                    self.environments[process.pid] = environment

    def others(self, but=()):
        """Return the environments of all but these and the user's own git, which runs no code of an experiment or an agent."""
        return {
            (pid, self.lines[pid]): text
            for pid, text in self.environments.items()
            if pid not in but and b"git\0" not in self.lines[pid]
        }

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def written(study):
    """Return all that is in the files of a study and the objects of its repository, by place."""
    texts = {str(path): path.read_bytes() for path in study.folder.rglob("*") if path.is_file()}
    git = ["git", "-C", str(study.folder / "repo"), "cat-file", "--batch-all-objects", "--batch"]
    return {**texts, "git": subprocess.run(git, capture_output=True, check=True).stdout}


def assert_clean(texts, but=()):
    own = [form for form in FORMS if not any(form in key.encode() or key.encode() == form for key in but)]
    found = {(place, form) for place, text in texts.items() for form in own if form in text}
    assert not found


@pytest.fixture
def vendors(monkeypatch):
    for name, key in VENDORS.items():
        monkeypatch.setenv(name, key)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.usefixtures("vendors")
def test_canaries_with_a_models_server(tmp_path):
    with (
        FakeChat([answer(reply(2.0)), answer(reply(4.0)), answer(f"no code, but {REPLIED}")]) as server,
        Look() as look,
    ):
        study = Study(
            f"Lower it\n\nThe key is {VENDORS['GROQ_API_KEY']}.", TARGET, SETUP, metric="loss", experiments=2, root=tmp_path, repeats=1,
            agent=f"openai:toy@{server.url}", prefetch=False,
        )  # fmt: skip
        events = []
        study.observe(lambda event: events.append(repr(event)))
        study.start()
        assert study.wait(60)
        requests = list(server.everything)
    study.report()
    study.export(tmp_path / "out.ipynb")
    study.export(tmp_path / "out.json")
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "crash", "discard"]
    assert REPLIED not in study.experiments[1].summary
    assert "[key removed]" in study.experiments[1].summary
    assert study.experiments[1].reason.startswith("ValueError: no: [key removed]")
    assert_clean(written(study))
    assert_clean({path.name: path.read_bytes() for path in tmp_path.glob("out.*")})
    assert_clean({"events": "\n".join(events).encode(), "memory": repr((study.experiments, study.definition)).encode()})
    assert_clean({str(number): repr(r.body).encode() for number, r in enumerate(requests)})
    assert any(VENDORS["OPENAI_API_KEY"] in str(r.headers) for r in requests)
    assert look.lines
    assert_clean(look.lines)
    assert_clean(look.others())


PROGRAM = """
import os, sys, time
said = sys.stdin.read()
time.sleep(0.4)
print("<summary>", os.environ["TOKEN"], "</summary>")
print("```python\\nloss = 2.0\\n```")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.usefixtures("vendors")
def test_canaries_with_a_command(tmp_path):
    program = tmp_path / "agent.py"
    program.write_text(PROGRAM)
    with Look() as look:
        study = Study(
            "Lower it", "loss = 3.0", metric="loss", experiments=1, root=tmp_path, repeats=1,
            agent=f"command:env TOKEN={ON_THE_LINE} {sys.executable} {program}", prefetch=False,
        )  # fmt: skip
        study.start()
        assert study.wait(60)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep"]
    assert study.experiments[1].summary == "[key removed]"
    assert_clean(written(study))
    assert_clean(look.lines)
    agents = {pid for pid, line in look.lines.items() if b"agent.py" in line}
    assert any(ON_THE_LINE.encode() in look.environments[pid] for pid in agents)
    assert_clean(look.others(agents))


CODING = f"""#!{sys.executable}
import json, os, sys, time
from pathlib import Path
said = sys.stdin.read()
time.sleep(0.4)
held = [key for key in os.environ.values() if "Ca1nary" in key or "canary" in key]
Path("target.py").write_text("loss = 2.0\\n")
print(json.dumps({{"type": "result", "result": f"<summary>{{len(held)}} keys, {{held}}</summary>", "session_id": "1", "is_error": False}}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.usefixtures("vendors")
def test_canaries_with_a_coding_agent(tmp_path, monkeypatch):
    place = tmp_path / "bin"
    place.mkdir()
    (place / "claude").write_text(CODING)
    (place / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    with Look() as look:
        study = Study(
            "Lower it",
            "loss = 3.0",
            f"# {COMMENT}",
            metric="loss",
            experiments=1,
            root=tmp_path,
            repeats=1,
            agent="claude-code",
            prefetch=False,
        )
        study.start()
        assert study.wait(60)
    time.sleep(0.05)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep"], study.status.message
    assert study.experiments[1].summary == "1 keys, ['[key removed]']"
    assert_clean(written(study))
    assert_clean(look.lines)
    assert_clean(look.others(), but=[VENDORS["ANTHROPIC_API_KEY"]])
    assert any(VENDORS["ANTHROPIC_API_KEY"].encode() in text for text in look.environments.values())
