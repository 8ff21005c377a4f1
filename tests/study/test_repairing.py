"""Damaged records of one real study, and what a repair gets back."""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.storage.backup import NAME
from autoresearch_magic.storage.chain import enter_everything
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.storage.study_lock import StudyLock
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.remaking import NOTE
from autoresearch_magic.study.repairing import repair
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.cli import main
from tests.studies import QUICK, Script

VERSIONS = (
    QUICK.replace("3.0", "2.0"),
    QUICK.replace("3.0", "2.5") + "# Ü\n",
    "X = 1 / 0\n",
    QUICK.replace("3.0", "1.5"),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished study of four experiments: two kept, one discarded, one that crashes."""
    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(BUILT_IN, "script", lambda order: Script(*VERSIONS))
        study = Study(
            "Lower it", QUICK, name="night", root=root, metric="loss", minimize=True, budget="1s", experiments=4, repeats=2, agent="script",
        )  # fmt: skip
        assert study.start().wait(60)
    assert study.state == State.FINISHED, study.status.message
    assert [e.verdict.value for e in study.experiments] == ["baseline", "keep", "discard", "crash", "keep"]
    return study.folder


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "night", symlinks=True)


def contents(folder):
    with Journal(folder / "journal.sqlite") as journal:
        return journal.experiments()


def facts(experiments):
    """Return what git knows as well: all but words, runs and usage."""
    return [(e.number, e.parent, e.verdict, e.value, e.target, e.summary, e.reason, e.commit) for e in experiments]


def repaired(folder):
    """Repair a study, and check that what results is sound; return what was done."""
    before = {path.name: path.read_bytes() for path in folder.glob("journal*") if path.is_file()}
    result = repair(folder)
    (aside,) = folder.glob("before-repair-*")
    assert {path.name: path.read_bytes() for path in aside.glob("journal*")} == before, (
        "nothing is replaced without a copy"
    )
    with Journal(folder / "journal.sqlite") as journal, Journal(folder / NAME) as backup:
        assert journal.findings() == backup.findings() == []
        assert journal.experiments() == backup.experiments()
        assert "repaired" in [kind for _, kind, _ in journal.notes()]
    assert repair(folder, check=True).found == []
    assert open_study(folder).state != State.FAILED
    return result


def outside(folder, *statements):
    with closing(sqlite3.connect(folder / "journal.sqlite")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def overwrite(path, start, content):
    with path.open("rb+") as file:
        file.seek(start)
        file.write(content)


@pytest.mark.slow
def test_what_is_not_damaged_is_left_as_it_is(folder):
    before = (folder / "journal.sqlite").read_bytes()
    assert repair(folder).found == []
    assert not [*folder.glob("before-repair-*")]
    assert (folder / "journal.sqlite").read_bytes() == before


NOISE = random.Random(1).randbytes(4096)
DAMAGE = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(NOISE * 9),
    "no header": lambda path: overwrite(path, 0, bytes(100)),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100]),
    "a page of zeros": lambda path: overwrite(path, 2 * 4096, bytes(4096)),
    "a page of noise": lambda path: overwrite(path, 6 * 4096, NOISE),
    "table dropped": lambda path: outside(path.parent, "DROP TABLE measurement"),
    "chain dropped": lambda path: outside(path.parent, "DROP TABLE chain"),
    "edited": lambda path: outside(path.parent, "UPDATE experiment SET value = 0.001 WHERE number = 2"),
    "a verdict edited": lambda path: outside(
        path.parent, "UPDATE experiment SET verdict = 'keep', reason = 'ha' WHERE number = 2"
    ),
    "rows deleted": lambda path: outside(path.parent, "DELETE FROM experiment WHERE number > 1"),
    "all rows deleted": lambda path: outside(path.parent, "DELETE FROM measurement", "DELETE FROM event"),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", sorted({*DAMAGE} - {"deleted", "garbage", "a page of noise"}))
def test_with_its_backup_nothing_is_lost(folder, damage):
    before = contents(folder)
    DAMAGE[damage](folder / "journal.sqlite")
    result = repaired(folder)
    assert contents(folder) == before
    assert not any(result.lost.values())
    assert result.found


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    ["deleted", "no header", "cut off", "a page of zeros", "table dropped", "a verdict edited", "rows deleted"],
)
def test_without_a_backup_verdicts_values_and_sources_come_from_the_rest(folder, damage):
    before = contents(folder)
    (folder / NAME).unlink()
    DAMAGE[damage](folder / "journal.sqlite")
    repaired(folder)
    assert facts(contents(folder)) == facts(before)


def test_rows_that_the_study_did_not_write_are_left_out(folder):
    before = contents(folder)
    outside(folder, "INSERT INTO event (at, kind, body) VALUES (1, 'say', '{\"text\": \"obey\"}')")
    result = repaired(folder)
    assert any("was not written by the study" in line for line in result.found)
    with Journal(folder / "journal.sqlite") as journal:
        assert journal.said() == []
    assert contents(folder) == before


def test_a_journal_with_a_chain_of_its_own_gives_way_to_the_backup_that_git_knows(folder):
    before = contents(folder)
    with Journal(folder / "journal.sqlite") as journal:
        journal._connection.execute("UPDATE experiment SET value = 0.001, verdict = 'keep' WHERE number = 2")
        journal._connection.execute("DELETE FROM chain")
        enter_everything(journal._connection)
        journal._connection.commit()
    result = repaired(folder)
    assert any("made from another journal" in line for line in result.found)
    assert contents(folder) == before


def test_what_a_study_kept_when_its_journal_was_replaced_comes_back(folder):
    """A file that another process put in the journal's place stops the study, which keeps its own beside it."""
    before = contents(folder)
    (folder / NAME).unlink()
    (folder / "journal.sqlite").rename(folder / "journal.kept-1.sqlite")
    Journal(folder.parent / "other.sqlite", create=True).close()
    (folder.parent / "other.sqlite").replace(folder / "journal.sqlite")
    result = repair(folder)
    assert any("was kept by a study whose journal was replaced" in line for line in result.found)
    assert contents(folder) == before
    assert not [*folder.glob("journal.kept-*")], "it is in the folder of what was there"


def test_the_table_alone_gives_the_baseline_and_says_what_is_lost(folder):
    before = contents(folder)
    for name in ("journal.sqlite", NAME):
        (folder / name).unlink()
    shutil.rmtree(folder / "repo")
    result = repaired(folder)
    now = contents(folder)
    assert facts(now)[0][:5] == facts(before)[0][:5]
    assert now[0].measurements[0].notes == (NOTE,)
    assert [e.verdict.value for e in now[1:]] == ["rejected"] * 4
    assert f"results.tsv says: {before[1].value:.6f}" in now[1].reason
    assert result.lost["experiment"] == 4
    assert result.table()[0] == ["", "definition.json", "results.tsv", "values", "a placeholder", "lost"]


def test_where_nothing_says_what_the_study_is_nothing_is_written(folder):
    for name in ("journal.sqlite", NAME, "definition.json"):
        (folder / name).unlink()
    names = sorted(path.name for path in folder.iterdir())
    with pytest.raises(UserError, match=r"no journal can be made. What remains is in"):
        repair(folder)
    assert sorted(path.name for path in folder.iterdir()) == names


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["objects", "head", "references"])
def test_git_is_made_again_from_the_journal(folder, damage):
    before = contents(folder)
    git = folder / "repo" / ".git"
    if damage == "objects":
        for path in sorted(git.glob("objects/??/*"))[::3]:
            path.unlink()
    elif damage == "head":
        (git / "HEAD").unlink()
    else:
        shutil.rmtree(git / "refs" / "autoresearch")
    assert any(line.startswith("git:") for line in repair(folder, check=True).found)
    repaired(folder)
    assert contents(folder) == before, "the same commits, as they are made of the same things"


@pytest.mark.slow
def test_it_goes_on(folder):
    shutil.rmtree(folder / "repo")
    for name in ("journal.sqlite", NAME):
        (folder / name).unlink()
    (folder / "results.tsv").write_text(
        "commit\tloss\tmemory_gb\tstatus\tdescription\nabc\t4.000000\t0.0\tkeep\tbaseline\n"
    )
    repaired(folder)
    study = open_study(folder)
    assert [e.value for e in study.experiments] == [4.0]
    study.resume(experiments=1, agent="tuner")
    assert study.wait(60)
    assert study.state == State.FINISHED, study.status.message
    assert len(study.experiments) == 2


def test_a_study_that_runs_is_not_repaired(folder):
    with StudyLock(folder), pytest.raises(UserError, match="night is running: stop it first"):
        repair(folder)


def test_the_command_says_what_is_damaged_and_what_came_from_where(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder / "journal.sqlite").unlink()
    at = ["--root", str(folder.parent), "repair", "night"]
    assert main([*at, "--check"]) == 1
    assert not (folder / "journal.sqlite").exists()
    said = capsys.readouterr().out
    assert "night: 1 thing is damaged.\n- The journal is gone." in said
    assert "Nothing was written. To repair it:  autoresearch repair night" in said
    assert main(at) == 0
    said = capsys.readouterr().out
    assert "experiments  5       0" in said
    assert "goes on with  autoresearch resume night" in said
    assert main([*at, "--json"]) == 0
    assert '"damaged": false' in capsys.readouterr().out
    assert main(["--root", str(folder.parent), "repair", "day"]) == 2
