"""The commits of a study of files, in the user's own repository.

Only the study's references are written: the checkout, its index, HEAD, stash and branches are never touched, and nothing is pushed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from .checkout import Checkout, within
from .commits import Commits, encode, put_file, quoted


class StudyBranch(Commits):
    """The commits of a study in the user's repository; the baseline's parent is the user's commit.

    Parameters
    ----------
    checkout : Checkout
    base : Mapping[str, str]
        The files of the scope as the study found them.
    study : str
        The study's name.
    """

    def __init__(self, checkout: Checkout, base: Mapping[str, str], study: str) -> None:
        super().__init__(checkout.folder, study, checkout.commit)
        self._base = dict(base)
        self._blobs: dict[tuple[str, str], str] = {}  # hashes of the last version's files by path and content

    @cached_property
    def _base_tree(self) -> tuple[str, dict[str, str]]:
        """The tree of the user's commit and the modes of its files, so that an executable stays executable."""
        entries = self._git("ls-tree", "-r", "-z", str(self.base)).split("\0")
        tree = self._git("rev-parse", f"{self.base}^{{tree}}").strip()
        return tree, {path: head[:6] for head, _, path in (entry.partition("\t") for entry in entries)}

    def _changes(self, files: Mapping[str, str]) -> bytes:
        """See `Commits._changes`. A file of the scope that a version lacks is deleted; all others are as the study found them.

        Paths outside the repository are left out, so that a proposal that was rejected for them can be recorded.
        """
        tree, modes = self._base_tree
        changed = {item for item in files.items() if within(item[0]) and self._base.get(item[0]) != item[1]}
        # One git process for each file, so that the user's filters and line endings apply.
        self._blobs = {
            (path, text): self._blobs.get((path, text))
            or self._git("hash-object", "-w", "--stdin", f"--path={path}", given=encode(text)).strip()
            for path, text in changed
        }
        commands = [f'M 040000 {tree} ""\n'.encode()]
        commands += [f"D {quoted(path)}\n".encode() for path in self._base if path not in files]
        commands += [put_file(path, modes.get(path, "100644"), blob) for (path, _), blob in sorted(self._blobs.items())]
        return b"".join(commands)
