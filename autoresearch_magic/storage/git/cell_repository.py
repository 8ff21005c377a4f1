"""The git repository of a study whose target is a cell, in the study's own folder.

Its working files are those of the current best. Recording again completes what a kill interrupted at any point.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from .command import names
from .commits import Commits, encode, put_file


class CellRepository(Commits):
    """A git repository with the versions of a study's cells.

    Parameters
    ----------
    folder : Path
        The repository's; created when it does not exist.
    study : str
        The study's name.

    Raises
    ------
    UserError
        When git is not installed.
    """

    stale = 5.0  # our own commands hold a lock for milliseconds

    def __init__(self, folder: Path, study: str) -> None:
        super().__init__(folder.absolute(), study)
        self._git_folder = self.folder / ".git"
        # Without the user's configuration (no name, a signing key, filters); SHA-1 and references in files, whatever git's
        # defaults are; and the repository by name, so that git does not search the folders above.
        self.variables = {
            "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_DEFAULT_HASH": "sha1",
            "GIT_DEFAULT_REF_FORMAT": "files", "GIT_DIR": str(self._git_folder), "GIT_WORK_TREE": str(self.folder),
        }  # fmt: skip
        self._open()

    def _open(self) -> None:
        """Create the repository if it does not exist or its creation was interrupted."""
        attributes = self._git_folder / "info" / "attributes"
        if attributes.exists():  # written last
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--template=")
        self._git("symbolic-ref", "HEAD", self.head)
        attributes.parent.mkdir(exist_ok=True)
        # Byte for byte, also for the user's own git with its line endings, filters and attributes.
        attributes.write_text("* -text -filter -ident -working-tree-encoding\n")

    def pack_references(self) -> None:
        """Put all references into git's one file for them: the repository is the study's own."""
        self._git("pack-refs", "--all")

    def _changes(self, files: Mapping[str, str]) -> bytes:
        for name in files:
            parts = PurePosixPath(name).parts
            if not parts or "/".join(parts) != name or name[0] == "/" or {"..", ".git"} & {p.lower() for p in parts}:
                raise ValueError(f"{name!r} is not a path below the repository")
        return b"deleteall\n" + b"".join(put_file(path, "100644", encode(text)) for path, text in files.items())

    def _show(self, sha: str, files: Mapping[str, str], parent: str | None) -> None:
        """Bring the working files and the index to a commit on the branch, unless something else is checked out.

        A file whose content is not in the repository was edited by a person and stays; git shows it as modified.
        """
        if (self._git_folder / "HEAD").read_text().strip() != f"ref: {self.head}":
            return
        wanted: dict[str, bytes | None] = {path: encode(text) for path, text in files.items()}
        if parent:
            deleted = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=D", parent, sha)
            wanted = dict.fromkeys(names(self._git(*deleted))) | wanted
        hashes = {}  # of working files that are to change
        for path, content in wanted.items():
            place = self.folder / path
            if place.is_file() and not place.is_symlink() and (present := place.read_bytes()) != content:
                blob = b"blob %d\0%b" % (len(present), present)
                hashes[path] = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
        known = self._git("cat-file", "--batch-check", given="".join(f"{digest}\n" for digest in hashes.values()))
        for path, content in wanted.items():
            place = self.folder / path
            if f"{hashes[path]} missing" in known if path in hashes else os.path.lexists(place):
                continue  # edited, or as it should be, or not a plain file
            if content is None:
                place.unlink(missing_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                temporary = self._git_folder / "autoresearch-file"
                temporary.write_bytes(content)
                temporary.replace(place)
        # Written beside the index, which it then replaces, so that a stale index.lock does not matter.
        index = self._git_folder / "autoresearch-index"
        self._git("read-tree", sha, env={"GIT_INDEX_FILE": str(index)})
        index.replace(self._git_folder / "index")
