"""A setup that leaves files and connections open, in studies as users run them."""

import pytest

from ..command_line import shell
from ..studies import finish

SETUP = """
F = open({path!r})
F.readline()
def evaluate(x):
    return float(F.readline()) + x
"""


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [False, True])
def test_what_the_setup_reads_on_from_a_file_is_the_same_for_every_run(make_study, script, tmp_path, fresh):
    path = tmp_path / "numbers.txt"
    path.write_text("".join(f"{5 + 100 * i}\n" for i in range(5_000)))
    script("X = 1.0", "X = 0.5")
    study = finish(
        make_study("X = 0.0\n", SETUP.format(path=str(path)), metric="evaluate(X)", agent="script", fresh=fresh)
    )
    assert [m.value for m in study.experiments[0].measurements] == [105.0, 105.0]
    assert [e.value for e in study.experiments] == [105.0, 106.0, 105.5]


@pytest.mark.slow
def test_plan_and_study_name_what_forks_cannot_share(make_study):
    setup = "import socket\nconnection, other = socket.socketpair()\ndel other\n"
    line = "cannot share: a socket (connection). Open it in a function"
    plan = make_study("loss = 1.0\n", setup).plan()
    assert line in str(plan)
    assert "\n" not in plan.notes[0]
    told = []
    finish(
        make_study("loss = 1.0\n", setup, experiments=1, observers=[lambda e: told.append(getattr(e, "message", ""))])
    )
    assert sum(line in message for message in told) == 1


@pytest.mark.slow
def test_the_terminal_tells_what_forks_cannot_share(tmp_path):
    (tmp_path / "setup.py").write_text("import sqlite3\ndb = sqlite3.connect(':memory:')\n")
    (tmp_path / "target.py").write_text("loss = 3.0\n")
    (tmp_path / "program.md").write_text("# Lower it\n")
    words = ["run", "program.md", "--setup", "setup.py", "--target", "target.py", "--metric", "loss (lower is better)",
             "-n", "1", "--repeats", "1", "--agent", "tuner"]  # fmt: skip
    done = shell(tmp_path, *words)
    assert done.stderr.count("cannot share: an SQLite connection (db).") == 1, done.stderr
