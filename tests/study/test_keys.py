"""Keys in the parts of a study, from its definition to its files."""

import base64
import re
import subprocess

import pytest

from autoresearch_magic import Study, open_study
from autoresearch_magic.errors import UserError
from autoresearch_magic.source import key_references

IN_SETUP = "sk-ant-api03-Zx9yWv8uTs7rQp6oNm5lKj4iHg3fEd2cBa1Zz0Yy9Xx"
RAISED = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SETUP = f"# mine: {IN_SETUP}\nKEY = '{IN_SETUP}'\nprint('setup', KEY)\n"
TARGET = f"""
X = 3.0
import base64
print(base64.b64encode(KEY.encode()).decode(), KEY)
assert len(KEY) == {len(IN_SETUP)}
if X != 3.0:
    raise ValueError('{RAISED[:4]}' + '{RAISED[4:]} ' + KEY)
loss = X
"""


@pytest.mark.slow
def test_no_file_of_a_study_has_a_key_and_what_runs_has(tmp_path, monkeypatch):
    study = Study("Lower it", TARGET, SETUP, metric="loss", experiments=1, root=tmp_path, repeats=1)
    study.start().wait(60)
    study.report()
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "crash"]
    assert study.experiments[1].reason.startswith("ValueError: [key removed] [key removed]")
    held = subprocess.run(
        ["git", "-C", study.folder / "repo", "cat-file", "--batch-all-objects", "--batch"],
        capture_output=True,
        check=True,
    ).stdout
    texts = {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()} | {"git": held}
    for place, text in texts.items():
        for key in (IN_SETUP, RAISED, base64.b64encode(IN_SETUP.encode()).decode()[:60]):
            assert key.encode() not in text, place
    assert b"[key removed: AUTORESEARCH_KEY_" in held
    assert "[key removed]" in (study.folder / "logs" / "setup.log").read_text()

    # Another process knows it no more.
    monkeypatch.setattr(key_references, "_kept", {})
    again = open_study(study.folder)
    again.resume(experiments=2).wait(60)
    name = re.search("AUTORESEARCH_KEY_[0-9A-F]+", again.status.message)
    assert again.status.message.startswith("The setup needs a key that is not stored")
    assert name is not None
    monkeypatch.setenv(name[0], IN_SETUP)
    again.resume().wait(60)
    assert [e.reason[:30] for e in again.experiments[1:]] == ["ValueError: [key removed] [key"] * 2


def test_a_definition_has_references_and_says_so_once(tmp_path):
    study = Study(f"Lower it\n\n{RAISED}", "x = 1.0", SETUP, metric="x", agent="tuner", root=tmp_path)
    told = [line for line in study.take_remarks() if "key" in line]
    assert len(told) == 1
    assert told[0].startswith("There is a key in the program and the setup")
    assert IN_SETUP not in repr(study.definition)
    assert RAISED not in repr(study.definition)
    assert study.take_remarks() == []


def test_a_key_on_an_agents_command_line_is_stored_as_a_reference(tmp_path):
    study = Study("Lower it", "x = 1.0", metric="x", agent=f"command:sh -c 'TOKEN={RAISED} cat'", root=tmp_path)
    assert RAISED not in repr(study.settings.to_json())
    assert re.fullmatch(r"command:sh -c 'TOKEN=\[key removed: AUTORESEARCH_KEY_\w+\] cat'", study.settings.agent)


@pytest.mark.slow
def test_a_version_of_the_users_with_a_key_is_refused(tmp_path):
    study = Study("Lower it", "x = 1.0", metric="x", root=tmp_path, repeats=1)
    made = study.try_target(f"x = 0.5\nt = '{RAISED}'")
    assert str(made.verdict) == "rejected"
    assert "looks like a key (line 2)" in made.reason
    with pytest.raises(UserError, match=r"\[key removed\]"):
        raise UserError(f"not {RAISED}")


def test_a_key_that_is_passed_to_experiments_is_told(tmp_path):
    for network, told in (
        ("off", "they cannot send it away by a network, unless"),
        ("on", "they can send it away: --network is on"),
    ):
        study = Study(
            "Lower it", "x = 1.0", metric="x", root=tmp_path, pass_env=("SOME_API_KEY", "HOME"), network=network
        )
        assert [line for line in study.take_remarks() if told in line and line.startswith("--pass-env SOME_API_KEY: ")]
    assert not Study("Lower it", "x = 1.0", metric="x", root=tmp_path, pass_env=("CUDA_HOME",)).take_remarks()
