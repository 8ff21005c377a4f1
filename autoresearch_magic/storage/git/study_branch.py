"""The commits of a study of the user's own repository: every experiment one, every keep on the branch.

The branch is ``autoresearch/<study>``, every experiment is reachable at ``refs/autoresearch/<study>/NNNN``. Trees are built with
an index of their own: the checkout, its index, HEAD, stash and branches are never touched, and nothing is pushed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

from ...errors import UserError
from ...experiment import Experiment, Verdict
from ...metric import Metric
from .checkout import Checkout, within
from .command import GitFailed, git
from .commits import ADDRESS, COMMITTER, References, author_name, commit_message, git_date, safe_name


class StudyBranch:
    """The versions of a study in the user's repository.

    Parameters
    ----------
    checkout : Checkout
    base : Mapping[str, str]
        The files of the scope as the study found them.
    folder : Path
        The study's, for the index that is used.
    study : str
        Its name.
    """

    def __init__(self, checkout: Checkout, base: Mapping[str, str], folder: Path, study: str) -> None:
        self.checkout, self._base = checkout, dict(base)
        self._places = References(safe_name(study))
        self.branch = self._places.branch
        self._experiments, self._head = self._places.experiments, self._places.head
        self._index = folder / "index"
        self._stored: dict[str, str] | None = None  # what the index holds of the scope
        self._lock = threading.RLock()

    def record(
        self, experiment: Experiment, files: Mapping[str, str], metric: Metric, parent_commit: str | None,
        when: datetime,
    ) -> str:  # fmt: skip
        """Commit a judged experiment; see `Commits.record`. The baseline follows the user's commit.

        What is not in `files` is as the study found it. What is no path within the repository is left out: a proposal that was
        rejected for it is recorded all the same.
        """
        assert experiment.verdict is not None
        try:
            with self._lock:
                tree = self._tree({path: content for path, content in files.items() if within(path)})
                if experiment.verdict is Verdict.REJECTED:
                    self._stored = None  # it may have written over anything, and that is not to be seen in the next one
                author, date = author_name(experiment.proposal.agent), git_date(when)
                sha = git(
                    self.checkout.folder, "commit-tree", tree, "-p", parent_commit or self.checkout.commit,
                    given=commit_message(experiment, metric),
                    env={
                        "GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": ADDRESS, "GIT_AUTHOR_DATE": date,
                        "GIT_COMMITTER_NAME": COMMITTER, "GIT_COMMITTER_EMAIL": ADDRESS, "GIT_COMMITTER_DATE": date,
                    },
                ).strip()  # fmt: skip
                updates = [f"update {self._places.experiment(experiment.number)} {sha}"]
                if experiment.verdict.kept and self._advances(experiment.number):
                    updates.append(f"update {self._head} {sha}")
                self._git("update-ref", "--stdin", given="\n".join(updates) + "\n")
                return sha
        except GitFailed as error:
            raise UserError(f"The experiment could not be committed in {self.checkout.folder}: {error}.") from None

    def commit_of(self, number: int) -> str | None:
        """See `Commits.commit_of`."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", self._places.experiment(number)).strip()
        except GitFailed:
            return None

    def _git(self, *arguments: str, given: str = "", env: dict[str, str] | None = None) -> str:
        return git(self.checkout.folder, *arguments, given=given, env=env)

    def _advances(self, number: int) -> bool:
        """Whether the branch should move to a kept experiment: forward, never back to a former best.

        Its tip is looked for among this study's experiments: a commit's own words may be those of another study, whose best
        was applied.
        """
        told = self._git("for-each-ref", "--format=%(objectname) %(refname)", self._head, f"{self._experiments}/")
        found = [line.split(" ", 1) for line in told.splitlines()]
        tip = next((sha for sha, ref in found if ref == self._head), "")
        return all(int(ref.rpartition("/")[2]) <= number for sha, ref in found if sha == tip and ref != self._head)

    @cached_property
    def _modes(self) -> dict[str, str]:
        """Modes of the files that the study found; an executable stays one."""
        listed = self._git("ls-tree", "-r", "-z", self.checkout.commit).split("\0")
        return {line.split("\t", 1)[1]: line[:6] for line in listed if line}

    def _tree(self, files: Mapping[str, str]) -> str:
        """Store a version and return its tree; the index stays at it, so that only what differs has to be stored next."""
        env = {"GIT_INDEX_FILE": str(self._index)}
        before, self._stored = self._stored, None
        if before is None:
            # The study's own, and only one process is at work on a study: a machine that went down has left it.
            self._index.with_name("index.lock").unlink(missing_ok=True)
            self._git("read-tree", self.checkout.commit, env=env)
            before = self._base
        gone = [path for path in before if path not in files]
        lines = [f"0 {'0' * len(self.checkout.commit)}\t{path}" for path in gone]
        for path, content in sorted(files.items()):
            if before.get(path) != content:
                blob = self._git("hash-object", "-w", "--stdin", f"--path={path}", given=content).strip()
                lines.append(f"{self._modes.get(path, '100644')} {blob}\t{path}")
        if lines:
            self._git("update-index", "-z", "--index-info", given="".join(f"{line}\0" for line in lines), env=env)
        tree = self._git("write-tree", env=env).strip()
        self._stored = dict(files)
        return tree
