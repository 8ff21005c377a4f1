"""Which shell runs a command, and what only bash understands."""

import subprocess

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.runners import shell
from autoresearch_magic.runners.shell import Shell, bash_syntax, find_shell
from autoresearch_magic.study.study import Study

from ..repositories import repository

BASH = [
    ("for i in {1..5}; do python bench.py; done", "brace expansion, {1..5}"),
    ("cat a.{json,log}", "brace expansion, {json,log}"),
    ("[[ $(uname) == Linux ]] && python bench.py", "[[ ]]"),
    ("if [[ -f x ]]; then echo 1; fi", "[[ ]]"),
    ("runs=(1 2 3); echo 1", "an array"),
    ('echo "${runs[@]}"', "an array"),
    ("diff <(python a.py) <(python b.py)", "a process substitution, <( )"),
    ("python bench.py > >(tee log)", "a process substitution, <( )"),
    ("wc -l <<< x", "a here-string, <<<"),
    ("set -o pipefail; python bench.py | tail -1", "pipefail"),
    ("set -euo pipefail\npython bench.py", "pipefail"),
    ("python bench.py |& tail -1", "|&"),
    ("python bench.py &> log", "&>"),
    ("i=0; (( i++ )); echo $i", "arithmetic in (( ))"),
    ("for ((i=0; i<5; i++)); do echo $i; done", "arithmetic in (( ))"),
    ("printf $'a\\tb'", "$'...'"),
    ('echo "${x//a/b}"', "a substring or replacement in ${ }"),
    ('echo "${x:0:3}"', "a substring or replacement in ${ }"),
    ("source .venv/bin/activate && python bench.py", "source"),
]
POSIX = [
    "python bench.py 2>&1 | tail -1",
    "awk '{print $1,$2}' f.txt",
    "find . -name '*.py' -exec cat {} + | wc -l",
    "echo $((1 + 2)) ${x:-1} ${y%%.*} ${z#a}",
    "echo '{1..5} [[ x ]] <(a)'  # {1..5}",
    "python - <<'EOF'\nx = {1,2}\nprint(a[[0]])\nEOF",
    "grep -c '$' f",
    '. .venv/bin/activate && [ "$X" = y ]',
    "f() { python bench.py; }; f",
    "docker run --rm -v \"$(pwd)\":/app image sh -c 'python bench.py'",
]


@pytest.mark.parametrize(("command", "what"), BASH)
def test_what_only_bash_understands_is_named(command, what):
    assert bash_syntax(command) == what


@pytest.mark.parametrize("command", POSIX)
def test_other_commands_are_left_to_any_shell(command):
    assert bash_syntax(command) == ""


def test_bash_is_found_in_the_path_then_in_its_usual_places(tmp_path, monkeypatch):
    own = tmp_path / "bash"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_shell(str(tmp_path)) == Shell(str(own), True)
    monkeypatch.setattr(shell, "PLACES", (str(own),))
    assert find_shell("/nowhere") == Shell(str(own), True)
    monkeypatch.setattr(shell, "PLACES", ("/nowhere/bash",))
    assert find_shell("/nowhere") == Shell("/bin/sh", False)
    assert find_shell(None) == Shell("/bin/sh", False)


def test_no_startup_file_is_read(tmp_path):
    (tmp_path / ".bashrc").write_text("echo startup\n")
    (tmp_path / ".bash_profile").write_text("echo startup\n")
    done = subprocess.run(
        find_shell("/usr/bin:/bin").arguments("echo {1..3}"), env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout == "1 2 3\n"


def test_without_bash_a_command_that_needs_it_does_not_start(tmp_path, monkeypatch):
    repo = repository(tmp_path / "repo", {"src/a.py": "X = 1\n"})
    monkeypatch.setattr(shell, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = {"repo": str(repo), "scope": "src/**", "metric": "n", "root": tmp_path / "studies"}
    with pytest.raises(UserError, match=r"--verify uses brace expansion, \{1..5\}: only bash") as raised:
        Study("Fewer", verify="for i in {1..5}; do echo x; done | wc -l", **settings)
    assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match=r"--guard uses \[\[ \]\]"):
        Study("Fewer", verify="echo n: 1", guard="[[ -f src/a.py ]]", **settings)
