"""The folder where commands run: a git worktree of the user's repository, brought to one version of the target after another.

Its index stays at the commit that the study began with, so what a run has left behind, and what it has tampered with, is what
differs from it. Ignored files stay (caches, build outputs); the rest is put back before each run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

from ..errors import UserError
from ..storage.git.checkout import Checkout
from ..storage.git.command import GitFailed, git, names


class Worktree:
    """A worktree for one study.

    Parameters
    ----------
    folder : Path
        Where it is, or will be.
    checkout : Checkout
    base : iterable of str
        The target's files as the study found them: one that a version lacks is deleted in it.
    branch : str
        ``autoresearch/<study>``: made at the study's first commit when it is not there. The worktree stands on it, so that
        nobody checks it out elsewhere by mistake while it moves; empty for none.
    linked : sequence of str
        Untracked files and folders of the checkout that are linked into it.
    """

    def __init__(
        self, folder: Path, checkout: Checkout, base: Iterable[str], branch: str = "", linked: Sequence[str] = ()
    ) -> None:
        self.folder, self.checkout, self.branch = folder.absolute(), checkout, branch
        self.linked = tuple(name.removeprefix("./").rstrip("/") for name in linked)
        self._base = frozenset(base)
        self._added: set[str] = set()  # files that versions have added to those

    def open(self) -> None:
        """Make it where it is missing or was left half made.

        Raises
        ------
        UserError
            When git refuses.
        """
        if not self._whole():
            self._make_anew()
        self._link()

    def _make_anew(self) -> None:
        try:
            self._make()
        except GitFailed as error:
            raise UserError(f"A worktree of {self.checkout.folder} could not be made: {error}.") from None

    def _git(self, *arguments: str, given: str = "", literal: bool = False) -> str:
        """Run git in it, and nowhere else: where a run has removed what makes it a worktree, git looks in no folder above."""
        env = {"GIT_CEILING_DIRECTORIES": str(self.folder.parent)}
        if literal:
            env["GIT_LITERAL_PATHSPECS"] = "1"
        return git(self.folder, *arguments, given=given, env=env)

    def _whole(self) -> bool:
        if not (self.folder / ".git").is_file():
            return False
        try:
            # The index is written last: without it the checkout of the files was cut off.
            folder = Path(self._git("rev-parse", "--absolute-git-dir").removesuffix("\n"))
            self._git("rev-parse", "--verify", "--quiet", "HEAD")
        except GitFailed:
            return False
        for lock in ("index.lock", "HEAD.lock"):
            (folder / lock).unlink(missing_ok=True)  # the study's own, and nobody else is at work on it
        return (folder / "index").is_file() and not (folder / "locked").exists()

    def _make(self) -> None:
        top = self.checkout.folder
        if self.folder.exists():
            shutil.rmtree(self.folder)
        # Twice, because one that was left half made is locked.
        git(top, "worktree", "add", "--force", "--force", "--quiet", "--detach", str(self.folder), self.checkout.commit)
        if self.branch:
            ref = f"refs/heads/{self.branch}"
            try:
                git(top, "rev-parse", "--verify", "--quiet", ref)
            except GitFailed:
                git(top, "update-ref", ref, self.checkout.commit)
            self._git("symbolic-ref", "HEAD", ref)

    def _link(self) -> None:
        for name in self.linked:
            source, place = self.checkout.folder / name, self.folder / name
            if not source.exists():
                raise UserError(f"--link {name}: there is no such file or folder in {self.checkout.folder}.")
            if not place.is_symlink() or place.readlink() != source:
                self._clear_way(place)
                place.unlink(missing_ok=True)
                place.symlink_to(source, target_is_directory=source.is_dir())

    def show(self, target: Mapping[str, str]) -> None:
        """Bring the folder to a version of the target: its files, and everything else as the study found it.

        Parameters
        ----------
        target : Mapping[str, str]
            All files of the scope.

        Raises
        ------
        UserError
            When git refuses.
        """
        try:
            self.tidy(keep=self._base | target.keys())
        except GitFailed:  # a run has damaged it, or a machine went down
            self._make_anew()
        for path in (self._base | self._added) - target.keys():
            self._clear_way(self.folder / path)
            (self.folder / path).unlink(missing_ok=True)
        self._added |= target.keys() - self._base
        for folder in {(self.folder / path).parent for path in target}:
            self._make_folder(folder)
        for path, content in target.items():
            place = self.folder / path
            data = content.encode("utf-8", "surrogatepass")
            if not place.is_symlink() and place.is_file() and place.read_bytes() == data:
                continue
            self._clear_way(place)
            # Written anew and not in place: a run that is still being killed may have it open.
            mode = place.stat().st_mode if place.is_file() else None
            fresh = place.with_name(f".{place.name}.new")
            self._clear_way(fresh)
            fresh.unlink(missing_ok=True)
            fresh.write_bytes(data)
            if mode is not None:
                fresh.chmod(mode)
            fresh.replace(place)
        self._link()

    def _make_folder(self, place: Path) -> None:
        """Make a folder, and see that nothing leads out of the worktree on the way to it."""
        for folder in reversed([p for p in (place, *place.parents) if self.folder in p.parents]):
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                folder.unlink()
            folder.mkdir(exist_ok=True)

    def _clear_way(self, place: Path) -> None:
        """Make a file's folder, and see that the file can be written there, and nowhere else."""
        self._make_folder(place.parent)
        if place.is_symlink():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)

    def tidy(self, keep: Set[str] = frozenset()) -> list[str]:
        """Put back what a run has left: tracked files as they were, untracked ones away; ignored ones stay.

        Parameters
        ----------
        keep : set of str
            Paths that are left alone.

        Returns
        -------
        list of str
            The tracked files that were put back.
        """
        # What is to be written anyway need not be put back, unless it is no plain file of its mode any more.
        changed = [path for path, same_mode in self._differing() if path not in keep or not same_mode]
        if changed:
            for path in changed:
                self._clear_way(self.folder / path)
            self._git(
                "restore", f"--source={self.checkout.commit}", "--staged", "--worktree", "--quiet",
                "--ignore-skip-worktree-bits", "--pathspec-from-file=-", "--pathspec-file-nul",
                given="".join(f"{path}\0" for path in changed), literal=True,
            )  # fmt: skip
        for path in self.untracked():
            if path not in keep and not self._is_linked(path):
                place = self.folder / path
                if path.endswith("/"):  # a repository within
                    shutil.rmtree(place, ignore_errors=True)
                else:
                    place.unlink(missing_ok=True)
        return changed

    def _is_linked(self, path: str) -> bool:
        return any(path == name or path.startswith(name + "/") for name in self.linked)

    def changed(self) -> list[str]:
        """Return the tracked files that differ from the commit that the study began with."""
        return [path for path, _ in self._differing()]

    def _differing(self) -> list[tuple[str, bool]]:
        """Return the files that differ from the commit, and whether each still is a file of the same mode.

        From the commit and not from the index: a run may have put what it changed into that.
        """
        told = self._git(
            "diff", "--raw", "-z", "--no-ext-diff", "--no-renames",
            "--no-relative", self.checkout.commit, "--",
        )  # fmt: skip
        fields = told.split("\0")
        return [
            (path, head.split()[0].lstrip(":") == head.split()[1])
            for head, path in zip(fields[::2], fields[1::2], strict=False)
            if path
        ]

    def untracked(self) -> list[str]:
        """Return the files that are neither tracked nor ignored."""
        return names(self._git("ls-files", "--others", "--exclude-standard", "-z"))

    def tampered(self) -> list[str]:
        """Return the frozen files that a run has changed; ``.git`` where it has taken away what would tell."""
        try:
            return [path for path in self.changed() if path in self.checkout.frozen]
        except GitFailed:
            return [".git"]

    def remove(self) -> None:
        """Take it away, with what git knows of it; the branch and the experiments stay."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            # Not `prune`, which would forget worktrees of the user's that are only away.
            git(self.checkout.folder, "worktree", "remove", "--force", "--force", str(self.folder))
        except GitFailed:
            pass


def command_environment(environment: Mapping[str, str], python: str) -> dict[str, str]:
    """Return the environment of a command: an experiment's, with this Python first and no stale bytecode.

    Two versions of a file that are written within one second and are equally long look the same to Python's cache of
    bytecode, so none is written.
    """
    path = os.pathsep.join([os.path.dirname(python), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
