"""The git repository of a study of cells, with a real git."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.storage.git.cell_repository import CellRepository
from autoresearch_magic.storage.git.commits import decode, encode

STUDY = "2026-11-24-val_bpb"
METRIC = Metric("val_bpb", "evaluate(model)")
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def experiment(number: int = 1, verdict: Verdict = Verdict.KEEP, value: float | None = 2.71, **proposal: str):
    measurement = Measurement(Outcome.OK if value is not None else Outcome.CRASH, value, seed=1)
    text = {"target": f"x = {number}\n", "summary": f"set x to {number}", "agent": "tuner"} | proposal
    return Experiment(number, None, Proposal(**text), verdict=verdict, reason="better", measurements=(measurement,))


def git(path: Path, *arguments: str) -> str:
    """Run git as a person would in the folder, with the configuration of this machine."""
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


class Study:
    """A repository and the incumbent's commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repository = CellRepository(path, STUDY)
        self.incumbent: str | None = None

    def record(self, e: Experiment, **files: str) -> str:
        everything = {"target.py": e.target, "setup.py": "a = 1\n", "program.md": "# Lower it\n"} | files
        when = START + timedelta(seconds=e.number)
        sha = self.repository.record(e, everything, METRIC, self.incumbent, when=when)
        if e.verdict.kept:
            self.incumbent = sha
        return sha


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study" / "repo")
    study.record(experiment(0, Verdict.BASELINE, 3.1, summary="baseline"))
    return study


def test_the_folder_shows_the_best(study):
    kept = study.record(experiment(1))
    study.record(experiment(2, Verdict.DISCARD))
    assert (study.path / "target.py").read_text() == "x = 1\n"
    assert git(study.path, "status", "--porcelain") == ""
    assert git(study.path, "symbolic-ref", "--short", "HEAD") == f"autoresearch/{STUDY}"
    assert git(study.path, "rev-parse", "HEAD") == kept
    assert git(study.path, "fsck", "--strict") == ""


def test_every_experiment_is_reachable_and_keeps_alone_are_on_the_branch(study):
    first = study.record(experiment(1))
    tried = study.record(experiment(2, Verdict.CRASH, None))
    second = study.record(experiment(3))
    repository = study.repository
    assert list(repository.commits()) == [0, 1, 2, 3]
    assert repository.commits()[2] == tried == git(study.path, "rev-parse", f"refs/autoresearch/{STUDY}/0002")
    assert repository.read(2)["target.py"] == "x = 2\n"
    subjects = git(study.path, "log", "--first-parent", "--format=%s", repository.branch).splitlines()
    assert subjects == ["set x to 3", "set x to 1", "baseline"]
    assert git(study.path, "rev-parse", f"{second}^", f"{tried}^") == f"{first}\n{first}"
    with pytest.raises(KeyError):
        repository.read(9)


def test_the_commit_says_what_it_is(study):
    proposal = {"hypothesis": "Colder is better.\n\nIt was too hot.", "summary": "lower the temperature " * 5}
    sha = study.record(experiment(7, value=2.7100000000000004, **proposal))
    message = git(study.path, "log", "-1", "--format=%B", sha)
    subject, _, body = message.partition("\n\n")
    assert len(subject) <= 72
    assert subject.endswith("…")
    assert body.splitlines()[0] == ("lower the temperature " * 5).strip()
    assert "Colder is better.\n\nIt was too hot.\n\nbetter\n\nExperiment: 7\n" in body
    trailers = git(study.path, "log", "-1", "--format=%(trailers:only,unfold)", sha)
    assert trailers.splitlines() == ["Experiment: 7", "Verdict: keep", "Metric: val_bpb=2.7100000000000004"]
    assert git(study.path, "log", "-1", "--format=%an %cI", sha).startswith("tuner 2026-11-24T12:00:07")


def test_the_same_experiment_has_the_same_hash_in_every_version_of_this_package(study):
    assert study.repository.commits() == {0: "5b7f57206a16e60bbf4b42003669976ffeeafe7e"}


def test_recording_again_changes_nothing(study):
    before = git(study.path, "for-each-ref")
    sha = study.repository.commits()[0]
    files = study.repository.read(0)
    baseline = experiment(0, Verdict.BASELINE, 3.1, summary="baseline")
    later = START + timedelta(hours=1)
    assert study.repository.record(baseline, files, METRIC, None, when=later) == sha
    assert git(study.path, "for-each-ref") == before
    objects = sum(1 for p in (study.path / ".git" / "objects").rglob("*") if p.is_file())
    study.repository.record(baseline, files, METRIC, None, when=later)
    assert sum(1 for p in (study.path / ".git" / "objects").rglob("*") if p.is_file()) == objects


def test_recording_an_old_keep_again_does_not_move_the_branch_back(study):
    baseline = study.incumbent
    study.record(experiment(1))
    second = study.record(experiment(2))
    study.incumbent = baseline
    study.record(experiment(1))
    assert git(study.path, "rev-parse", "HEAD") == second
    assert (study.path / "target.py").read_text() == "x = 2\n"


def test_a_keep_that_was_proposed_against_an_older_incumbent_is_the_tip(study):
    baseline = study.incumbent
    study.record(experiment(1))
    study.incumbent = baseline  # two workers: both started from the baseline
    sha = study.record(experiment(2))
    assert git(study.path, "rev-parse", "HEAD", "HEAD^") == f"{sha}\n{baseline}"


def test_recording_again_completes_what_a_kill_interrupted(study, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(CellRepository, "_show", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            study.record(experiment(1))
    assert (study.path / "target.py").read_text() == "x = 0\n"
    sha = study.record(experiment(1))
    assert (study.path / "target.py").read_text() == "x = 1\n"
    assert git(study.path, "status", "--porcelain") == ""
    assert git(study.path, "rev-parse", "HEAD") == sha


@pytest.mark.slow
def test_locks_that_a_killed_git_has_left_are_removed_at_once(study):
    folder = study.path / ".git"
    branch = folder / "refs" / "heads" / "autoresearch" / f"{STUDY}.lock"
    own = folder / "refs" / "autoresearch" / STUDY / "0001.lock"
    for lock in (folder / "index.lock", folder / "HEAD.lock", branch, own):
        lock.touch()
    began = time.monotonic()
    study.record(experiment(1))
    assert time.monotonic() - began < CellRepository.stale  # for which a lock is kept that a git may hold
    assert git(study.path, "status", "--porcelain") == ""
    assert study.repository.read(1)["target.py"] == "x = 1\n"


@pytest.mark.slow
def test_a_lock_of_a_git_that_lives_is_waited_for(study, tmp_path):
    lock = study.path / ".git" / "refs" / "autoresearch" / STUDY / "0001.lock"
    lock.touch()
    shutil.copy(shutil.which("sleep"), tmp_path / "git-of-the-user")
    with subprocess.Popen([tmp_path / "git-of-the-user", "0.5"], cwd=study.path) as other:
        began = time.monotonic()
        study.record(experiment(1))
        assert time.monotonic() - began > 0.4
        assert other.wait() == 0
    assert list(study.repository.commits()) == [0, 1]


def test_an_error_of_git_is_one_line(study):
    study.incumbent = "1" * 40
    with pytest.raises(UserError, match="git fast-import failed") as caught:
        study.record(experiment(1))
    assert "\n" not in str(caught.value)


def test_what_a_person_edited_in_the_folder_stays(study):
    (study.path / "target.py").write_text("mine = True\n")
    study.record(experiment(1), **{"setup.py": "a = 2\n"})
    assert (study.path / "target.py").read_text() == "mine = True\n"
    assert (study.path / "setup.py").read_text() == "a = 2\n"
    assert git(study.path, "status", "--porcelain") == "M target.py"  # strip took the first blank
    assert study.repository.read(1)["target.py"] == "x = 1\n"


@pytest.mark.slow
def test_a_person_who_checked_out_an_old_experiment_is_left_alone(study):
    study.record(experiment(1))
    git(study.path, "checkout", "--quiet", "--detach", f"refs/autoresearch/{STUDY}/0000")
    study.record(experiment(2))
    assert (study.path / "target.py").read_text() == "x = 0\n"
    assert git(study.path, "status", "--porcelain") == ""
    CellRepository(study.path, STUDY)
    git(study.path, "checkout", "--quiet", f"autoresearch/{STUDY}")
    assert (study.path / "target.py").read_text() == "x = 2\n"


@pytest.mark.slow
def test_git_gc_changes_nothing(study):
    study.record(experiment(1))
    git(study.path, "gc", "--quiet", "--prune=now")
    assert not (study.path / ".git" / "refs" / "autoresearch" / STUDY / "0001").exists()
    study.record(experiment(2))
    assert list(study.repository.commits()) == [0, 1, 2]
    assert study.repository.read(1)["target.py"] == "x = 1\n"
    assert study.repository.commits()[1] == git(study.path, "rev-parse", "HEAD^")
    assert git(study.path, "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_file_that_is_gone_from_the_tree_is_gone_from_the_folder(study):
    study.record(experiment(1), **{"lib/extra.py": "1\n"})
    assert git(study.path, "ls-files").splitlines() == ["lib/extra.py", "program.md", "setup.py", "target.py"]
    study.record(experiment(2))
    assert not (study.path / "lib" / "extra.py").exists()
    assert git(study.path, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", ".git/config", "a/.GIT/x", "a//b", "./a"])
def test_files_stay_in_the_folder(study, name):
    with pytest.raises(ValueError, match="below the repository"):
        study.record(experiment(1), **{name: "x"})


def test_an_open_experiment_is_not_recorded(study):
    with pytest.raises(ValueError, match="no verdict"):
        study.repository.record(replace(experiment(1), verdict=None), {}, METRIC, None, when=START)


def test_the_users_configuration_does_not_apply(tmp_path, monkeypatch):
    home, outside = tmp_path / "home", tmp_path / "outside"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "post-commit", "post-checkout"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    (home / "attributes").write_text("*.py filter=spoil text eol=crlf\n")
    (home / ".gitconfig").write_text(
        f"[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = false\n[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n"
        f'\tattributesFile = {home / "attributes"}\n[filter "spoil"]\n\tclean = false\n\trequired = true\n'
        f"[init]\n\tdefaultBranch = trunk\n\ttemplateDir = {home / 'no-such'}\n\tdefaultObjectFormat = sha256\n"
    )
    git(tmp_path, "init", "--quiet", str(outside))
    monkeypatch.setenv("HOME", str(home))
    for name, value in {  # as in a git hook of another repository
        "GIT_DIR": str(outside / ".git"), "GIT_WORK_TREE": str(outside), "GIT_INDEX_FILE": str(outside / "index"),
        "GIT_OBJECT_DIRECTORY": str(outside / ".git" / "objects"), "GIT_QUARANTINE_PATH": str(outside),
        "GIT_DEFAULT_HASH": "sha256", "GIT_NAMESPACE": "x", "GIT_COMMON_DIR": str(outside / ".git"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    study = Study(tmp_path / "repo")
    study.record(experiment(0, Verdict.BASELINE, target="a\r\nb\n"))
    study.record(experiment(1, target="a\r\nc\n"))
    assert study.repository.read(1)["target.py"] == "a\r\nc\n"
    assert len(study.incumbent or "") == 40
    assert not list((outside / ".git" / "refs" / "heads").iterdir())
    assert not (outside / "index").exists()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    assert (study.path / "target.py").read_bytes() == b"a\r\nc\n"
    assert git(study.path, "status", "--porcelain") == ""  # with autocrlf and the filter of that home


def test_no_identity_and_no_home(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    Study(tmp_path / "repo").record(experiment(0, Verdict.BASELINE))


def test_a_half_made_repository_is_completed(tmp_path):
    path = tmp_path / "repo"
    (path / ".git" / "objects").mkdir(parents=True)
    (path / ".git" / "HEAD").write_text("ref: refs/heads/master\n")
    study = Study(path)
    study.record(experiment(0, Verdict.BASELINE))
    assert git(path, "status", "--porcelain", "--branch") == f"## autoresearch/{STUDY}"


def test_a_deleted_folder_is_made_again(study):
    sha = study.repository.commits()[0]
    shutil.rmtree(study.path)
    study.incumbent = None
    assert study.record(experiment(0, Verdict.BASELINE, 3.1, summary="baseline")) == sha


def test_no_git(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from autoresearch_magic.errors import UserError\n"
        "from autoresearch_magic.storage.git.cell_repository import CellRepository\n"
        f"try: CellRepository(Path({str(tmp_path)!r}) / 'repo', 's')\n"
        "except UserError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.stdout.startswith("git was not found: install it"), done.stderr
    assert done.stdout.count("\n") == 1


@pytest.mark.slow
def test_an_interrupt_of_the_process_group_does_not_reach_git(tmp_path):
    """A slow git, and a Ctrl-C in a terminal while it runs: it completes its work."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "git").write_text(
        f'#!/bin/sh\ncase " $* " in *" fast-import "*) touch {tmp_path}/started; sleep 1;; esac\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    (tools / "git").chmod(0o755)
    root = Path(__file__).parents[3]
    code = (
        # A shell starts background jobs with interrupts ignored, which the child would inherit.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        f"from pathlib import Path; from tests.storage.git.test_cell_repository import Study, Verdict, experiment\n"
        f"Study(Path({str(tmp_path / 'repo')!r})).record(experiment(0, Verdict.BASELINE))\n"
    )
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PATH": path, "PYTHONPATH": str(root)},
        start_new_session=True, stderr=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(600):
        if (tmp_path / "started").exists():
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    for _ in range(100):  # git may outlive us by a moment
        if list(CellRepository(tmp_path / "repo", STUDY).commits()) == [0]:
            break
        time.sleep(0.05)
    assert list(CellRepository(tmp_path / "repo", STUDY).commits()) == [0]
    assert not list((tmp_path / "repo" / ".git").rglob("*.lock"))


@pytest.mark.slow
def test_threads_may_record_and_read_at_once(study):
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(10):
                for number in study.repository.commits():
                    study.repository.read(number)
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 11):
        study.record(experiment(number, Verdict.KEEP if number % 3 == 0 else Verdict.DISCARD))
    reader.join()
    assert not errors


@given(st.text() | st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCBF)) | st.just("\ud800 lone"))
def test_any_source_comes_back(text):
    assert decode(encode(text)) == text


@given(st.binary())
def test_any_bytes_can_be_read(content):
    assert isinstance(decode(content), str)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(summary=st.text(), hypothesis=st.text(), target=st.text())
def test_any_text_is_recorded(tmp_path_factory, summary, hypothesis, target):
    path = tmp_path_factory.getbasetemp() / "fuzz-repo"
    repository = CellRepository(path, STUDY)
    e = experiment(1, Verdict.DISCARD, summary=summary, hypothesis=hypothesis, target=target)
    sha = repository.record(e, {"target.py": target}, METRIC, None, when=START)
    assert repository.read(1) == {"target.py": target}
    log = git(path, "log", "-1", "--format=%s%n%(trailers:key=Experiment,valueonly)", sha)
    assert log.splitlines()[0].strip()
    assert "1" in log.splitlines()[-2:]
