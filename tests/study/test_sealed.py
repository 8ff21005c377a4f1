"""Sealed code: kept in one file for its owner alone, known to journal and git by its hash."""

import os
import stat

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Proposal, Verdict
from autoresearch_magic.runners.worker.client import WorkerClient
from autoresearch_magic.source.sealed import mark
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.definition import define, from_json
from autoresearch_magic.study.export import export
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.report.circumstances import again
from autoresearch_magic.study.runner_factory import make_runner
from autoresearch_magic.study.sealed import check_kept, keep, kept_source

SECRET = "answers = [31337]\n"
SETTINGS = {"metric": "loss=score(x)", "minimize": True}
SETUP = "def score(x): return abs(x - answers[0])\n"


def test_it_is_no_part_of_what_is_shown_or_stored(make_study):
    study = make_study("x = 3\n", SETUP, sealed=SECRET, name="night", **SETTINGS).save()
    path = study.folder / "sealed.py"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == SECRET
    definition = study.definition
    assert definition.sealed == SECRET
    assert "31337" not in repr(definition) + repr(definition.to_json()) + repr(definition.settings.to_json())
    files = definition.files("x = 4")
    assert files["sealed.sha256"] == f"{mark(SECRET)}  sealed.py\n"
    assert not any("31337" in each for each in files.values())
    for file in study.folder.glob("journal.sqlite*"):
        assert b"31337" not in file.read_bytes()
    where, lines = again(definition, study.folder)
    assert "%autoresearch setup .autoresearch/night/sealed.py --sealed" in lines or "sealed.py --sealed" in lines
    assert "31337" not in where + lines


def test_a_study_goes_on_with_the_same_code_alone(make_study, tmp_path):
    study = make_study("x = 3\n", SETUP, sealed=SECRET, name="night", **SETTINGS).save()
    opened = open_study("night", tmp_path).definition
    assert (opened.sealed, opened.sealed_mark) == (SECRET, mark(SECRET))
    for text, words in (("answers = [0]\n", "has changed"), ("", "is gone or cannot be read")):
        with pytest.raises(UserError, match=f"sealed.py, {words}: .* Put it back, or start a new study"):
            check_kept(text, mark(SECRET), study.folder)
    with Journal(study.folder / "journal.sqlite") as journal:
        assert journal.get("definition")["sealed"]["mark"] == mark(SECRET)


def test_a_runner_is_not_made_for_code_that_has_changed(make_study, tmp_path):
    study = make_study("x = 3\n", SETUP, sealed=SECRET, name="night", **SETTINGS).save()
    (study.folder / "sealed.py").write_text("answers = [0]\n")
    values = study.definition.to_json()
    with pytest.raises(UserError, match="has changed"):
        make_runner(from_json(values, study.settings.to_json(), study.folder), study.folder)


def test_it_is_read_from_a_file_that_the_program_names(tmp_path, monkeypatch):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "labels.txt").write_text(SECRET)
    program = tmp_path / "lab" / "program.md"
    program.write_text("---\nmetric: loss=score(x)\nminimize: true\nsealed: labels.txt\n---\n# Lower it\n")
    made = define(program, "x = 3\n", SETUP, {})
    assert (made.sealed, made.sealed_path) == (SECRET, tmp_path / "lab" / "labels.txt")
    with pytest.raises(UserError, match="Both a sealed cell and --sealed FILE"):
        define(program, "x = 3\n", SETUP, {}, SECRET)
    (tmp_path / "lab" / "labels.txt").write_text(" ")
    with pytest.raises(UserError, match=r"labels\.txt is empty"):
        define(program, "x = 3\n", SETUP, {})
    with pytest.raises(UserError, match="cannot be read"):
        define("p", "x = 3\n", SETUP, {**SETTINGS, "sealed": "nowhere.py"})


@pytest.mark.parametrize(
    ("target", "sealed", "settings", "words"),
    [
        ("x = 3", "answers = (", {}, "sealed code"),
        ("x = 3; answers = 1", SECRET, {}, "Both the sealed code and the target define 'answers'"),
        ("x = 3", SECRET, {"fresh": True}, "Take out --fresh, or the sealed code"),
        ("", SECRET, {"metric": "loss", "verify": "python a.py", "scope": "a.py"}, "--sealed is for a cell"),
    ],
)
def test_what_cannot_work_is_one_line(target, sealed, settings, words):
    with pytest.raises(UserError, match=words):
        define("p", target, "" if not target else SETUP, {**SETTINGS, **settings}, sealed)


def test_it_is_written_anew_only_where_it_differs(tmp_path):
    keep(tmp_path, "")
    assert not [*tmp_path.iterdir()]
    keep(tmp_path, SECRET)
    before = (tmp_path / "sealed.py").stat().st_mtime_ns
    keep(tmp_path, SECRET)
    assert (tmp_path / "sealed.py").stat().st_mtime_ns == before
    assert kept_source(tmp_path / "nowhere") == ""


def test_an_exported_notebook_names_its_file(make_study, tmp_path, script):
    pytest.importorskip("nbformat")
    study = make_study("x = 3\n", SETUP, sealed=SECRET, name="night", **SETTINGS).save()
    study.status.experiments = (Experiment(0, None, Proposal("x = 3\n", "baseline"), verdict=Verdict.BASELINE),)
    text = export(study.status, tmp_path / "again.ipynb").read_text()
    assert "sealed.py --sealed" in text
    assert "31337" not in text


@pytest.mark.slow
def test_a_worker_that_cannot_fork_refuses(tmp_path):
    config = {"setup": "x = 1", "target": "", "seed": 0, "threads": 1, "mode": "fresh", "sealed": SECRET}
    client = WorkerClient(config, dict(os.environ), setup_log=tmp_path / "setup.log")
    with pytest.raises(UserError, match=r"sealed code cannot be kept apart .* because --fresh is set"):
        client.start()
    assert client.pid is None
    client.close()
