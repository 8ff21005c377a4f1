"""The git repository of a study whose target is a cell: every experiment a commit, every keep on the branch.

Objects are written in this process (GitPython's object database), references by one `git update-ref`, in one
transaction; the working files and the index follow a keep. Each step may be cut off at any point and done again.
Left out: a study of files in the user's own repository, which has a worktree instead.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ...errors import UserError
from ...experiment import Experiment
from ...metric import Metric
from ..results_tsv import one_line
from .command import NO_GIT
from .commits import ADDRESS, COMMITTER, References, author_name, commit_message, git_date, safe_name

if TYPE_CHECKING:
    from git.db import GitDB
    from git.index.typ import IndexEntry

__all__ = ["CellRepository", "decode", "encode"]

STALE = 5.0
"""Seconds after which a git lock that did not go away is nobody's: ours are held for milliseconds."""
PATIENCE = 60.0
"""Seconds after which a repository that stays locked is the user's affair."""

_FILE_MODE = 0o100644
_HELD = re.compile(r"Unable to create '(.+?\.lock)'")
_EXPERIMENT = re.compile(rb"^Experiment: (\d+)$", re.MULTILINE)
_COMMITTED = re.compile(rb"^committer .* (\d+) [+-]\d{4}$", re.MULTILINE)


class CellRepository:
    """A git repository with the versions of a study's cells.

    Parameters
    ----------
    path : Path
        The folder; made, with its repository, when it is not there.
    study : str
        The study's name, for the branch ``autoresearch/<study>``.

    Raises
    ------
    UserError
        When there is no git.
    """

    def __init__(self, path: Path, study: str) -> None:
        try:
            import git  # here: it looks for the program when it is imported, and takes its time
        except ModuleNotFoundError:
            raise
        except ImportError:
            raise UserError(NO_GIT) from None
        self.path = path.absolute()
        self._places = References(safe_name(study))
        self.branch = self._places.branch
        self._program = git.Git.GIT_PYTHON_GIT_EXECUTABLE or "git"
        self._folder = self.path / ".git"
        self._experiments, self._head = self._places.experiments, self._places.head
        self._lock = threading.RLock()
        self._open()

    def record(
        self, experiment: Experiment, files: Mapping[str, str], metric: Metric, parent_commit: str | None,
        when: datetime,
    ) -> str:  # fmt: skip
        """Commit a judged experiment; see `Commits.record`. A kept one shows in the working files.

        Raises
        ------
        ValueError
            For an experiment without a verdict, or a path that is not below the folder.
        """
        if experiment.verdict is None:
            raise ValueError(f"experiment {experiment.number} has no verdict yet")
        with self._lock:
            self._open()
            objects = self._objects()
            tree = _store_tree(objects, {name: encode(text) for name, text in files.items()})
            message = commit_message(experiment, metric)
            content = _commit_content(tree, parent_commit, message, experiment.proposal.agent, when)
            ref, held = self._places.experiment(experiment.number), self.commit_of(experiment.number)
            if held is not None and _undated(_load(objects, held)) == _undated(content):
                sha = held
            else:
                sha = _store(objects, b"commit", content).hex()
            updates = [] if sha == held else [f"update {ref} {sha}"]
            if experiment.verdict.kept and self._advances(objects, sha, parent_commit):
                updates.append(f"update {self._head} {sha}")
            if updates:
                self._git("update-ref", "--stdin", given="\n".join(updates) + "\n")
            if experiment.verdict.kept and self._ref(self._head) == sha:
                self._show(sha, parent_commit)
            return sha

    def read(self, number: int) -> dict[str, str]:
        """Return the files of an experiment.

        Raises
        ------
        KeyError
            When it was never recorded here.
        """
        with self._lock:
            if (sha := self.commit_of(number)) is None:
                raise KeyError(number)
            objects = self._objects()
            return {path: decode(_load(objects, blob)) for path, blob in _tree_of(objects, sha).items()}

    def commit_of(self, number: int) -> str | None:
        """See `Commits.commit_of`."""
        return self._ref(self._places.experiment(number))

    def numbers(self) -> list[int]:
        """Return the numbers of all recorded experiments, in order."""
        loose = self._folder / self._experiments
        names = set(os.listdir(loose)) if loose.is_dir() else set()
        names |= {ref.rpartition("/")[2] for ref in self._packed() if ref.startswith(self._experiments + "/")}
        return sorted(int(name) for name in names if name.isdecimal())

    def branch_log(self) -> list[tuple[str, str]]:
        """Return hash and subject of the commits on the branch, the newest first."""
        if self._ref(self._head) is None:
            return []
        lines = self._git("log", "-z", "--first-parent", "--format=%H %s", self._head).split("\0")
        return [(sha, subject) for sha, _, subject in (line.partition(" ") for line in lines) if sha]

    # Git: the folder, references, the program

    def _open(self) -> None:
        """Make the repository where it is missing or was left half made."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not all((self._folder / part).exists() for part in ("HEAD", "objects", "refs", "config", "info/attributes")):
            # No templates, so no hooks; SHA-1 and plain reference files whatever git's defaults become: we read both.
            self._git("init", "--quiet", "--template=", str(self.path), inside=False)
            # Bytes in, bytes out, whatever the user's autocrlf, filters and attributes would make of them.
            (self._folder / "info").mkdir(exist_ok=True)
            (self._folder / "info" / "attributes").write_text("* -text -filter -ident -working-tree-encoding\n")
        if not self._on_branch() and self._ref(self._head) is None:
            self._git("symbolic-ref", "HEAD", self._head)

    def _on_branch(self) -> bool:
        """Whether the working files are the branch's: not when a person has checked out something else."""
        return (self._folder / "HEAD").read_text().strip() == f"ref: {self._head}"

    def _ref(self, ref: str) -> str | None:
        with suppress(FileNotFoundError):
            if sha := (self._folder / ref).read_text().strip():  # empty: the machine lost power just after
                return sha
        return self._packed().get(ref)

    def _packed(self) -> dict[str, str]:
        """Return the references that `git gc` has moved into one file."""
        try:
            lines = (self._folder / "packed-refs").read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {ref: sha for sha, _, ref in (line.partition(" ") for line in lines if line[:1] not in "#^")}

    def _git(self, *arguments: str, given: str = "", inside: bool = True) -> str:
        """Run git, waiting for locks and removing those that nobody holds."""
        since: dict[str, float] = {}
        started = time.monotonic()
        while True:
            code, output, errors = self._run(arguments, given, inside)
            if code == 0:
                return output
            held, now = _HELD.search(errors), time.monotonic()
            if held is None or now - started > PATIENCE:
                reason = one_line(errors) or f"exit status {code}"
                raise UserError(f"git {arguments[0]} failed in {self.path}: {reason}")
            if now - since.setdefault(held[1], now) > STALE:
                # Its owner was killed (kill -9, a container that ended): git never removes it by itself.
                (self.path / held[1]).unlink(missing_ok=True)
                del since[held[1]]
            else:
                time.sleep(0.1)

    def _run(self, arguments: tuple[str, ...], given: str, inside: bool) -> tuple[int, str, str]:
        # A session of its own: a Ctrl-C or a kernel's interrupt goes to the kernel's process group, and a git that
        # dies in the middle leaves its locks behind. Not `subprocess.run`, which kills the child on an interrupt.
        try:
            process = subprocess.Popen(
                [self._program, *arguments],
                cwd=self.path, env=self._environment(inside), start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                encoding="utf-8", errors="surrogateescape",
            )  # fmt: skip
        except FileNotFoundError:
            raise UserError(NO_GIT) from None
        with process:
            output, errors = process.communicate(given)
        return process.returncode, output, errors

    def _environment(self, inside: bool) -> dict[str, str]:
        # Neither the user's configuration (no name, a signing key, hooks, filters) nor the variables of a git hook
        # that we may have been started from (another repository, its index, its quarantine) have a say here.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        ours = {
            "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
            "GIT_AUTHOR_NAME": COMMITTER, "GIT_AUTHOR_EMAIL": ADDRESS,
            "GIT_COMMITTER_NAME": COMMITTER, "GIT_COMMITTER_EMAIL": ADDRESS,
            "GIT_DEFAULT_HASH": "sha1", "GIT_DEFAULT_REF_FORMAT": "files", "LANGUAGE": "C",
        }  # fmt: skip
        if inside:  # named outright, so that git asks not who owns it and looks in no folder above
            ours |= {"GIT_DIR": str(self._folder), "GIT_WORK_TREE": str(self.path)}
        return kept | ours

    def _objects(self) -> GitDB:
        # Opened for each use: it caches what it found, and `git gc` moves objects into packs.
        from git.db import GitDB

        return GitDB(str(self._folder / "objects"))

    # The branch and its files

    def _advances(self, objects: GitDB, sha: str, parent: str | None) -> bool:
        """Whether the branch should move to a kept commit: always forward in time, never back to a former best."""
        tip = self._ref(self._head)
        if tip is None or tip == parent:
            return True
        return sha != tip and _age(_load(objects, sha)) > _age(_load(objects, tip))

    def _show(self, sha: str, parent: str | None) -> None:
        """Make working files and index those of a commit, without a lock that a kill could leave behind.

        A file that a person has edited is not in the repository and stays as it is; git shows it as modified.
        """
        if not self._on_branch():
            return
        from git.index.fun import write_cache

        objects = self._objects()
        tree = _tree_of(objects, sha)
        for gone in (_tree_of(objects, parent).keys() if parent else set()) - tree.keys():
            if self._replaceable(objects, self.path / gone):
                (self.path / gone).unlink(missing_ok=True)
        entries = [
            _entry(name, blob, self._place(objects, self.path / name, blob)) for name, blob in sorted(tree.items())
        ]
        temporary = self._folder / "autoresearch-index"
        with temporary.open("wb") as stream:
            write_cache(entries, stream)
        temporary.replace(self._folder / "index")

    def _place(self, objects: GitDB, path: Path, blob: str) -> os.stat_result | None:
        """Write a file of the tree; None when a person's own is in its place."""
        content = _load(objects, blob)
        if path.is_symlink() or not path.is_file() or path.read_bytes() != content:
            if not self._replaceable(objects, path):
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._folder / "autoresearch-file"
            temporary.write_bytes(content)
            temporary.replace(path)
        return path.stat()

    def _replaceable(self, objects: GitDB, path: Path) -> bool:
        """Whether nothing is lost when a path is overwritten: it is not there, or its content is in the repository."""
        if not path.exists() and not path.is_symlink():
            return True
        if path.is_symlink() or not path.is_file():
            return False
        content = path.read_bytes()
        digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()
        return bool(objects.has_object(digest))


def encode(text: str) -> bytes:
    """Return a source as bytes: UTF-8, with undecodable bytes as they were and lone surrogates kept."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def decode(content: bytes) -> str:
    """Return what `encode` was given; never fails."""
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return content.decode("utf-8", "surrogateescape")


def _commit_content(tree: bytes, parent: str | None, message: str, agent: str, when: datetime) -> bytes:
    """Return a commit object's content. Written out here: GitPython's would ask the user's configuration."""
    date = git_date(when)
    head = [f"tree {tree.hex()}", *([f"parent {parent}"] if parent else [])]
    head += [f"author {author_name(agent)} <{ADDRESS}> {date}", f"committer {COMMITTER} <{ADDRESS}> {date}"]
    return ("\n".join(head) + "\n\n" + message).encode("utf-8", "replace")


def _undated(commit: bytes) -> bytes:
    """Return a commit's tree, parents and message: what makes it the same but for its date."""
    head, _, message = commit.partition(b"\n\n")
    return b"\n".join(line for line in head.split(b"\n") if line.startswith((b"tree ", b"parent "))) + message


def _age(commit: bytes) -> tuple[int, int]:
    """Return date and experiment of a commit: their order is the order of the verdicts."""
    date, numbers = _COMMITTED.search(commit), _EXPERIMENT.findall(commit)
    return int(date[1]) if date else 0, int(numbers[-1]) if numbers else -1


def _store(objects: GitDB, kind: bytes, content: bytes) -> bytes:
    from gitdb import IStream  # type: ignore[import-untyped]

    return bytes(objects.store(IStream(kind, len(content), BytesIO(content))).binsha)


def _load(objects: GitDB, sha: str) -> bytes:
    return bytes(objects.stream(bytes.fromhex(sha)).read())


def _entry(name: str, blob: str, stat: os.stat_result | None = None) -> IndexEntry:
    """Return an entry of the index; with the file's state, `git status` need not read the file."""
    from git.index.typ import IndexEntry

    if stat is None:
        return IndexEntry((_FILE_MODE, bytes.fromhex(blob), 0, name, bytes(8), bytes(8), 0, 0, 0, 0, 0))
    changed, modified = (struct.pack(">LL", *divmod(ns, 10**9)) for ns in (stat.st_ctime_ns, stat.st_mtime_ns))
    numbers = (stat.st_dev, stat.st_ino, stat.st_uid, stat.st_gid, stat.st_size)
    device, inode, user, group, size = (n & 0xFFFFFFFF for n in numbers)
    return IndexEntry((_FILE_MODE, bytes.fromhex(blob), 0, name, changed, modified, device, inode, user, group, size))


def _store_tree(objects: GitDB, files: Mapping[str, bytes]) -> bytes:
    from git.index.fun import write_tree_from_cache

    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or "/".join(parts) != name or name[0] == "/" or {"..", ".git"} & {p.lower() for p in parts}:
            raise ValueError(f"{name!r} is not a path below the repository")
    entries = [_entry(name, _store(objects, b"blob", content).hex()) for name, content in sorted(files.items())]
    return write_tree_from_cache(entries, objects, slice(0, len(entries)))[0]


def _tree_of(objects: GitDB, commit: str) -> dict[str, str]:
    """Return the paths in a commit's tree with the hashes of their contents."""
    from git.objects.fun import tree_entries_from_data

    def walk(tree: str, prefix: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for sha, mode, name in tree_entries_from_data(_load(objects, tree)):
            found |= walk(sha.hex(), f"{prefix}{name}/") if mode == 0o40000 else {prefix + name: sha.hex()}
        return found

    return walk(_load(objects, commit).split(b"\n", 1)[0].split()[1].decode(), "")
