"""A study's history in git: one commit per experiment, and a branch that only kept experiments advance.

Each experiment's commit is at ``refs/autoresearch/<study>/NNNN``, the branch is ``autoresearch/<study>``. Studies of cells
(`cell_repository`) and of files in the user's repository (`study_branch`) differ only in how a version's tree is built.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path

from ...errors import UserError
from ...experiment import Experiment
from ...metric import Metric
from ..results_tsv import one_line
from .command import GitFailed, GitLocked, git, names

SUBJECT = 72
"""Characters of a commit's subject: what `git log --oneline` shows in a terminal."""
KILLS = 2
"""How often a git command that was killed by a signal is run again: each of them may be repeated."""
COMMITTER, ADDRESS = "autoresearch", "autoresearch@localhost"
"""The committer's name, and the address of committer and author; the author's name is the agent's (`author_name`)."""

_EXPERIMENT = re.compile(rb"^Experiment: (\d+)$", re.MULTILINE)
_COMMITTED = re.compile(rb"^committer .* (\d+) [+-]\d{4}$", re.MULTILINE)


class Commits:
    """The commits of one study; the base of `CellRepository` and `StudyBranch`.

    Parameters
    ----------
    folder : Path
        The repository's.
    study : str
        The study's name.
    base : str, optional
        The user's commit that the study begins with: the parent of the baseline's commit.
    """

    variables: Mapping[str, str] = {}
    """Environment variables of every git command."""
    stale: float | None = None
    """Seconds after which a lock counts as left behind and is removed (see `command.git`); None for never."""

    def __init__(self, folder: Path, study: str, base: str | None = None) -> None:
        self.folder, self.base = folder, base
        name = safe_name(study)
        self.branch = f"autoresearch/{name}"
        self.head = f"refs/heads/{self.branch}"
        self.references = f"refs/autoresearch/{name}"
        self._lock = threading.RLock()

    def record(
        self, experiment: Experiment, files: Mapping[str, str], metric: Metric, parent_commit: str | None, when: datetime, mark: str = "",
    ) -> str:  # fmt: skip
        """Commit a judged experiment; doing it again changes nothing.

        Parameters
        ----------
        experiment : Experiment
            With its verdict. A kept one advances the branch.
        files : Mapping[str, str]
            Paths, with forward slashes, to contents: this version's files.
        metric : Metric
        parent_commit : str or None
            The commit of the incumbent it was proposed against; None for the baseline.
        when : datetime
            When it was judged: the commit's date. The same arguments give the same commit.
        mark : str
            The hash of the journal's chain at the verdict, for a trailer.

        Returns
        -------
        str
            The commit's full hash.

        Raises
        ------
        UserError
            When git fails.
        ValueError
            For an experiment without a verdict, or a path that leads out of the repository of cells.
        """
        if experiment.verdict is None:
            raise ValueError(f"experiment {experiment.number} has no verdict yet")
        ref, parent = f"{self.references}/{experiment.number:04d}", parent_commit or self.base
        author = author_name(experiment.proposal.agent).encode("utf-8", "replace")
        message, date = commit_message(experiment, metric, mark).encode("utf-8", "replace"), int(when.timestamp())
        with self._lock:
            self._open()
            (_, held), (tip, newest) = self._objects(ref, self.head)
            if held and (_parents(held), held.partition(b"\n\n")[2]) == ([parent] if parent else [], message):
                date = _age(held)[0]  # it was recorded before
            forward = newest is None or tip in (parent, self.base) or (date, experiment.number) > _age(newest)
            advances = experiment.verdict.kept and forward  # never back to a former best
            stream = b"commit %b\nmark :1\n" % ref.encode()
            stream += b"author %b <%b> %d +0000\n" % (author, ADDRESS.encode(), date)
            stream += b"committer %b <%b> %d +0000\n" % (COMMITTER.encode(), ADDRESS.encode(), date)
            stream += _data(message) + (f"from {parent}\n" if parent else "").encode() + self._changes(files)
            stream += (f"reset {self.head}\nfrom :1\n" if advances else "").encode()
            sha = self._import(stream)
            if advances or (experiment.verdict.kept and tip == sha):
                self._show(sha, files, parent_commit)
            return sha

    def end_with(self, sha: str, files: Mapping[str, str], among: Collection[str] | None = None) -> None:
        """Let the branch end with a recorded commit, also a former one, and show its files.

        With `among`, only where it ends with one of these commits now: a person may have moved it.

        Raises
        ------
        UserError
            When git fails.
        """
        with self._lock:
            ((tip, _),) = self._objects(self.head)
            if tip != sha and (among is None or tip in among):
                self._git("update-ref", self.head, sha)
                self._show(sha, files, tip)

    def commits(self) -> dict[int, str]:
        """Return the hashes of all recorded commits by experiment number."""
        self._open()
        lines = self._git("for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", self.references).splitlines()
        return {int(number): sha for number, _, sha in (line.partition(" ") for line in lines)}

    def marks(self) -> dict[int, str]:
        """Return the hashes of the journal's chain that stand in the commits, by experiment number; older commits have none."""
        trailer = "%(contents:trailers:key=Journal,valueonly,separator=%2C)"
        lines = self._git("for-each-ref", f"--format=%(refname:lstrip=3) {trailer}", self.references).splitlines()
        found = (line.partition(" ") for line in lines)
        return {int(number): mark.strip() for number, _, mark in found if mark.strip()}

    def run(self, *arguments: str, given: str | bytes = "") -> str:
        """Run a git command in the repository and return its output.

        Raises
        ------
        UserError
            When it fails.
        """
        return self._git(*arguments, given=given)

    def pack_references(self) -> None:
        """Put the references of the study into git's one file for them, those of nobody else."""
        with suppress(UserError):  # before git 2.42 there is no such option, and they stay files
            self._git("pack-refs", "--include", f"{self.references}/*")

    def raw(self, sha: str) -> str:
        """Return a commit as git stores it: its head, an empty line, its message.

        Raises
        ------
        UserError
            When it cannot be read.
        """
        return self._git("cat-file", "commit", sha)

    def reach(self, commits: Iterable[str]) -> None:
        """Look for all objects of commits, except those of the user's own.

        Raises
        ------
        UserError
            When one is missing or damaged.
        """
        without = [f"^{self.base}"] if self.base else []
        given = "".join(f"{name}\n" for name in [*commits, *without])
        listed = self._git("rev-list", "--objects", "--no-object-names", "--stdin", given=given)
        checked = self._git("cat-file", "--batch-check", "--buffer", given=listed)
        if " missing" in checked:
            raise UserError(f"{checked.count(' missing')} objects of its commits are missing")
        self._git("cat-file", "--batch", "--buffer", given=listed)

    def read(self, number: int) -> dict[str, str]:
        """Return the files of an experiment.

        Raises
        ------
        KeyError
            When it was never recorded here.
        """
        entries = names(self._git("ls-tree", "-r", "-z", self.commits()[number]))
        blobs = {path: head.split()[2] for head, _, path in (entry.partition("\t") for entry in entries)}
        return {
            path: decode(content or b"")
            for path, (_, content) in zip(blobs, self._objects(*blobs.values()), strict=True)
        }

    def _open(self) -> None:
        """Create the repository if it does not exist; only `CellRepository` does."""

    def _show(self, sha: str, files: Mapping[str, str], parent: str | None) -> None:
        """Show a new best in the working files; only `CellRepository` does."""

    def _changes(self, files: Mapping[str, str]) -> bytes:
        """Return the fast-import commands that turn the parent's tree into a version's."""
        raise NotImplementedError

    def _git(self, *arguments: str, given: str | bytes = "", env: Mapping[str, str] | None = None) -> str:
        variables = {**self.variables, **(env or {})}
        try:
            for _ in range(KILLS):
                try:
                    return git(self.folder, *arguments, given=given, env=variables, stale=self.stale)
                except GitFailed as error:
                    if error.code >= 0:
                        raise
            return git(self.folder, *arguments, given=given, env=variables, stale=self.stale)
        except GitLocked as locked:
            raise UserError(str(locked)) from None
        except GitFailed as error:
            raise UserError(
                f"The commits of the study in {self.folder} could not be read or written: {error}."
            ) from None

    def _import(self, stream: bytes) -> str:
        """Write files, trees, a commit marked 1 and references in one process; return the commit's hash.

        The stream's format is that of git-fast-import(1).
        """
        with tempfile.TemporaryDirectory() as folder:
            # The hash goes to a file: after an interrupt nobody reads git's output, and printing would end it before it is done.
            marks = Path(folder, "marks")
            # --force, because a reference may move to a commit that does not descend from the one before.
            self._git("fast-import", "--quiet", "--force", f"--export-marks={marks}", given=stream)
            return marks.read_text().split()[1]

    def _objects(self, *objects: str) -> list[tuple[str, bytes | None]]:
        """Return hash and content of objects given by hash or reference; the content is None for an object that does not exist."""
        output = self._git("cat-file", "--batch", given="".join(f"{name}\n" for name in objects))
        stream = BytesIO(output.encode("utf-8", "surrogateescape"))
        found: list[tuple[str, bytes | None]] = []
        for _ in objects:
            sha, *kind = stream.readline().decode().split()
            found.append((sha, stream.read(int(kind[1])) if len(kind) == 2 else None))
            if len(kind) == 2:
                stream.readline()
        return found


def safe_name(study: str) -> str:
    """Return a study's name as git allows it in a reference (`git check-ref-format`); a slug is returned as it is."""
    name = re.sub(r"[^A-Za-z0-9._+=,-]+", "-", study)
    name = re.sub(r"\.{2,}", ".", name).strip(".-")
    return re.sub(r"\.lock$", "-lock", name) or "study"


def commit_message(experiment: Experiment, metric: Metric, mark: str = "") -> str:
    """Return subject, body and trailers of an experiment's commit.

    The subject is the summary, cut where it is long (then the body begins with all of it); the body is the hypothesis and
    the judge's reason; the trailers are `Experiment`, `Verdict`, `Metric`, the value with all its digits, and with `mark` `Journal`, the hash of the
    journal's chain at the verdict.
    """
    summary = one_line(experiment.summary)
    subject = summary or ("baseline" if experiment.number == 0 else f"experiment {experiment.number}")
    body = [_paragraph(experiment.proposal.hypothesis), _paragraph(experiment.reason)]
    if len(subject) > SUBJECT:
        body.insert(0, subject)
        subject = subject[: SUBJECT - 1].rstrip() + "…"
    value = experiment.value
    if value is None:  # a NaN or an infinity says more than "none"
        value = next((m.value for m in experiment.measurements if m.value is not None), None)
    trailers = [
        f"Experiment: {experiment.number}",
        f"Verdict: {experiment.verdict}",
        f"Metric: {one_line(metric.name)}={'none' if value is None else repr(float(value))}",
        *([f"Journal: {mark}"] if mark else []),
    ]
    return "\n\n".join([subject, *filter(None, body), "\n".join(trailers)]) + "\n"


def author_name(agent: str) -> str:
    """Return an agent's name as git allows an author's."""
    return re.sub(r"[<>]", "", one_line(agent)).strip(" .,:;\"'") or COMMITTER


def encode(text: str) -> bytes:
    """Return a file's content as bytes: UTF-8, with undecodable bytes as they were and lone surrogates kept."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def decode(content: bytes) -> str:
    """Return the text that `encode` was given; never fails."""
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return content.decode("utf-8", "surrogateescape")


def put_file(path: str, mode: str, content: str | bytes) -> bytes:
    """Return the fast-import command that puts a file into a tree; the content is a blob's hash, or bytes to store."""
    if isinstance(content, str):
        return f"M {mode} {content} {quoted(path)}\n".encode()
    return f"M {mode} inline {quoted(path)}\n".encode() + _data(content)


def quoted(path: str) -> str:
    """Return a path as fast-import reads it."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _parents(commit: bytes) -> list[str]:
    return [line[7:].decode() for line in commit.partition(b"\n\n")[0].split(b"\n") if line.startswith(b"parent ")]


def _age(commit: bytes) -> tuple[int, int]:
    """Return a commit's date and experiment number, which sort commits by verdict time."""
    date, numbers = _COMMITTED.search(commit), _EXPERIMENT.findall(commit)
    return int(date[1]) if date else 0, int(numbers[-1]) if numbers else -1


def _paragraph(text: str) -> str:
    """Return a text for a commit's body, without control characters, which could end or garble the message."""
    lines = (one_line(line) for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
