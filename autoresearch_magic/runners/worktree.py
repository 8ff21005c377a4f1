"""The folder where commands run: a git worktree of the user's repository, which takes on one version of the target after another.

Its index stays at the commit at which the study began, so every difference from that commit was made by a run. Before each run
all files are restored, except ignored ones such as caches and build outputs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

from ..errors import UserError
from ..storage.git.checkout import Checkout
from ..storage.git.command import GitFailed, git, names
from .node_modules import mirror


class Worktree:
    """The git worktree of one study.

    Parameters
    ----------
    folder : Path
        Its folder, which need not exist yet.
    checkout : Checkout
    base : iterable of str
        The target's files at the study's beginning; those that a version lacks are deleted.
    branch : str
        ``autoresearch/<study>``, created at the study's first commit if it does not exist; empty for none. The worktree has
        it checked out, so that git refuses to check it out elsewhere while the study moves it.
    linked : sequence of str
        Untracked files and folders of the checkout to link into the worktree.
    """

    def __init__(
        self, folder: Path, checkout: Checkout, base: Iterable[str], branch: str = "", linked: Sequence[str] = ()
    ) -> None:
        self.folder, self.checkout, self.branch = folder.absolute(), checkout, branch
        self.linked = tuple(name.removeprefix("./").rstrip("/") for name in linked)
        self.mirrored: tuple[str, ...] = ()
        self._base = frozenset(base)
        self._added: set[str] = set()  # files that versions added to the base

    def link(self, names: Iterable[str], mirrored: Iterable[str] = ()) -> None:
        """Link more untracked folders of the checkout into the worktree, from the next `open` or `show` on.

        Parameters
        ----------
        names : iterable of str
        mirrored : iterable of str
            Folders of the kind ``node_modules``, whose packages are linked one by one.
        """
        self.linked = (*self.linked, *(name for name in names if name not in self.linked))
        self.mirrored = tuple(mirrored)

    def open(self) -> None:
        """Create the worktree, unless it exists and is complete.

        Raises
        ------
        UserError
            When git fails.
        """
        if not self._complete():
            self._create()
        self._link()

    def _git(self, *arguments: str, given: str = "", literal: bool = False) -> str:
        """Run git in the worktree. When a run has removed its ``.git`` file, git fails and does not look in the folders above."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            raise GitFailed("a run has removed the worktree", 128)
        env = {"GIT_CEILING_DIRECTORIES": str(self.folder.parent)}
        if literal:
            env["GIT_LITERAL_PATHSPECS"] = "1"
        return git(self.folder, *arguments, given=given, env=env)

    def _complete(self) -> bool:
        if not (self.folder / ".git").is_file():
            return False
        try:
            # Git writes the index last: without it, the checkout of the files was interrupted.
            folder = Path(self._git("rev-parse", "--absolute-git-dir").removesuffix("\n"))
            self._git("rev-parse", "--verify", "--quiet", "HEAD")
        except GitFailed:
            return False
        for lock in ("index.lock", "HEAD.lock"):
            (folder / lock).unlink(missing_ok=True)  # no other process works on a study's own worktree
        return (folder / "index").is_file() and not (folder / "locked").exists()

    def _create(self) -> None:
        top = self.checkout.folder
        if self.folder.is_symlink() or self.folder.is_file():
            self.folder.unlink()
        elif self.folder.exists():
            shutil.rmtree(self.folder)
        try:
            # --force twice, because an incomplete worktree is locked.
            git(
                top,
                "worktree",
                "add",
                "--force",
                "--force",
                "--quiet",
                "--detach",
                str(self.folder),
                self.checkout.commit,
            )
            if self.branch:
                ref = f"refs/heads/{self.branch}"
                try:
                    git(top, "rev-parse", "--verify", "--quiet", ref)
                except GitFailed:
                    git(top, "update-ref", ref, self.checkout.commit)
                self._git("symbolic-ref", "HEAD", ref)
        except GitFailed as error:
            raise UserError(f"git could not create a worktree of {top}: {error}.") from None

    def _link(self) -> None:
        for name in self.linked:
            original, place = self.checkout.folder / name, self.folder / name
            if not original.exists():
                raise UserError(f"--link {name}: there is no such file or folder in {self.checkout.folder}.")
            if not place.is_symlink() or place.readlink() != original:
                self._clear_way(place)
                place.unlink(missing_ok=True)
                place.symlink_to(original, target_is_directory=original.is_dir())
        for name in self.mirrored:
            self._make_folder((self.folder / name).parent)
            mirror(self.checkout.folder / name, self.folder / name, self.checkout.folder, self.folder)

    def show(self, target: Mapping[str, str]) -> None:
        """Write a version of the target into the folder and restore all other files.

        Parameters
        ----------
        target : Mapping[str, str]
            All files of the scope, as text by path.

        Raises
        ------
        UserError
            When git fails.
        """
        try:
            self.tidy(keep=self._base | target.keys())
        except GitFailed:  # damaged by a run, or by a crash of the machine
            self._create()
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
            # A new file replaces the old one, which a run that is still being killed may have open.
            mode = place.stat().st_mode if place.is_file() else None
            fresh = place.with_name(f".{place.name}.new")
            self._clear_way(fresh)
            fresh.unlink(missing_ok=True)
            fresh.write_bytes(data)
            if mode is not None:
                fresh.chmod(mode)
            fresh.replace(place)
        self._link()

    def _make_folder(self, path: Path) -> None:
        """Make a folder; links and files in its place or above it are removed, so that it is inside the worktree."""
        for folder in reversed([p for p in (path, *path.parents) if self.folder in p.parents]):
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                folder.unlink()
            folder.mkdir(exist_ok=True)

    def _clear_way(self, place: Path) -> None:
        """Make a file's folder, and remove a link or folder in the file's place."""
        self._make_folder(place.parent)
        if place.is_symlink():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)

    def tidy(self, keep: Set[str] = frozenset()) -> list[str]:
        """Undo the changes of a run: restore tracked files and delete untracked ones; ignored files stay.

        Parameters
        ----------
        keep : set of str
            Paths of files not to restore or delete.

        Returns
        -------
        list of str
            The tracked files that were restored.
        """
        # A file to keep is restored all the same when its type or mode has changed.
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
                if path.endswith("/"):  # a repository in the worktree
                    shutil.rmtree(place, ignore_errors=True)
                else:
                    place.unlink(missing_ok=True)
        return changed

    def _is_linked(self, path: str) -> bool:
        return any(path == name or path.startswith(name + "/") for name in (*self.linked, *self.mirrored))

    def changed(self) -> list[str]:
        """Return the tracked files that differ from the commit at which the study began."""
        return [path for path, _ in self._differing()]

    def _differing(self) -> list[tuple[str, bool]]:
        """Return the tracked files that differ from the commit, each with whether its mode is the same.

        The comparison is not with the index, because a run may have added its changes to that.
        """
        output = self._git(
            "diff", "--raw", "-z", "--no-ext-diff", "--no-renames",
            "--no-relative", self.checkout.commit, "--",
        )  # fmt: skip
        fields = output.split("\0")
        return [
            (path, head.split()[0].lstrip(":") == head.split()[1])
            for head, path in zip(fields[::2], fields[1::2], strict=False)
            if path
        ]

    def untracked(self) -> list[str]:
        """Return the files that are neither tracked nor ignored."""
        return names(self._git("ls-files", "--others", "--exclude-standard", "-z"))

    def tampered(self) -> list[str]:
        """Return the frozen files that a run has changed; ``.git`` when it has damaged the worktree, so that git cannot tell."""
        try:
            return [path for path in self.changed() if path in self.checkout.frozen]
        except GitFailed:
            return [".git"]

    def remove(self) -> None:
        """Delete the worktree and unregister it in git; the branch and the experiments stay."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            # Not `git worktree prune`, which would also forget the user's worktrees on disks that are not mounted.
            git(self.checkout.folder, "worktree", "remove", "--force", "--force", str(self.folder))
        except GitFailed:
            pass
