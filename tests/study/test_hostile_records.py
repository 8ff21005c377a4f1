"""Without walls, what targets do to the folder and the process of their study costs them nothing and nobody else anything."""

import os
import resource

import pytest

from autoresearch_magic.events import Notice
from autoresearch_magic.storage.journal import Journal

SETUP = "import os, pathlib, resource, shutil\n"
WHERE = "S = pathlib.Path({!r})\nKERNEL = {}\n"
DONE = {
    "the folder of logs removed": "shutil.rmtree(S / 'logs')",
    "the folder of logs replaced by a link": "shutil.rmtree(S / 'logs')\n(S / 'logs').symlink_to('/')",
    "the folder of logs replaced by a pipe": "(S / 'logs').unlink() if (S / 'logs').is_symlink() else shutil.rmtree(S / 'logs')\nos.mkfifo(S / 'logs')",
    "the pipe removed": "os.unlink(S / 'logs')",
    "results.tsv replaced by a folder": "os.unlink(S / 'results.tsv')\n(S / 'results.tsv').mkdir()",
    "the folder removed again": "os.rmdir(S / 'results.tsv')",
    "results.tsv replaced by a pipe": "os.unlink(S / 'results.tsv') if (S / 'results.tsv').exists() else None\nos.mkfifo(S / 'results.tsv')",
    "progress.png replaced by a folder": "(S / 'progress.png').unlink(missing_ok=True)\n(S / 'progress.png').mkdir()",
    "the folder of the picture removed": "os.rmdir(S / 'progress.png')",
    "the git folder removed": "shutil.rmtree(S / 'repo' / '.git')",
    "git's files removed": "shutil.rmtree(S / 'repo')",
    "locks of git": "[(S / 'repo' / '.git' / (n + '.lock')).touch() for n in ('index', 'HEAD', 'packed-refs')]",
    "the study's lock removed": "os.unlink(S / 'lock')",
    "open files of the kernel limited": "resource.prlimit(KERNEL, resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
    "open files of the worker limited": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
    "the size of files limited": "resource.prlimit(KERNEL, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))",
    "the worker killed once": "once = pathlib.Path(str(S) + '-once')\nif not once.exists(): once.touch(); os.kill(os.getppid(), 9)\nimport time; time.sleep(0.3)",
}  # fmt: skip


@pytest.mark.slow
def test_a_study_goes_on_whatever_is_done_to_its_folder_and_its_process(make_study, script, tmp_path):
    folder = tmp_path / "night"
    start = WHERE.format(str(folder), os.getpid())
    # Each prints its value as well as computing it, and is better than the one before: nothing but a kept run is right.
    scripts = [f"{start}{code}\nprint('seen', {n})\nloss = {100 - n}\n" for n, code in enumerate(DONE.values(), 1)]
    script(*scripts)
    limits = [resource.getrlimit(name) for name in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)]
    study = make_study(
        f"{start}loss = 100\n",
        SETUP,
        name="night",
        repeats=1,
        experiments=len(scripts),
        agent="script",
        timeout="20s",
        sandbox="off",
    )
    said = []
    study.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    study.start()
    assert study.wait(60), (study.status.message, said)
    assert study.state == "finished", (study.status.message, said)
    assert limits == [resource.getrlimit(name) for name in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)]
    told = {name: (str(e.verdict), e.reason) for name, e in zip(DONE, study.experiments[1:], strict=True)}
    others = {name: line for name, line in told.items() if line[0] != "keep"}
    assert not others, (others, said)
    assert all(len(line) < 700 and "\n" not in line for line in said)
    assert len(said) == len(set(said)), "each is told once"
    with Journal(folder / "journal.sqlite") as journal:
        assert journal.findings() == []
        assert [e.number for e in journal.experiments()] == [*range(len(DONE) + 1)]
    assert (folder / "results.tsv").read_text().count("\n") == len(DONE) + 2
    assert sorted(study_commits(folder)) == [*range(len(DONE) + 1)]
    assert (folder / "progress.png").is_file()
    assert "seen" in (folder / "logs" / f"{len(DONE):04d}.log").read_text()


def study_commits(folder):
    from autoresearch_magic.storage.git.cell_repository import CellRepository

    return CellRepository(folder / "repo", folder.name).commits()
