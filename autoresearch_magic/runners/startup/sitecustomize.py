"""Runs at the start of every Python that verify and guard start: what they import is what it was when the run began.

Python takes the first file of a name on its path, and the folder of a script is the first place where it looks. So a file that a run leaves
there, while the bench still runs, would stand in place of a module that the bench imports later. With this finder

- a module that the version does not have comes from the standard library or from an installed package, where one of them has it, whatever
  lies in the run's folder (as with ``python -P``, but the script's own neighbours are found);
- a module of the version is compiled from its source, never taken from a ``__pycache__`` that somebody has left;
- a frozen module must have the content that it had when the run began, and no package of its name can stand before it.

The folder of this file is first in PYTHONPATH, and AUTORESEARCH_IMPORTS names a list of the version's modules, which
`autoresearch_magic.runners.imports` writes, and its SHA-256. This file uses the standard library of any Python 3 alone, and what it cannot
read it leaves as it is.
"""

from __future__ import annotations

import os
import sys

# What importlib's modules are made of; these are there already, and the modules would take eight milliseconds.
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder, SourceFileLoader, spec_from_file_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

try:  # hashlib would take a millisecond more
    from _sha2 import sha256  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from hashlib import sha256


class _Frozen(SourceFileLoader):
    """Compiles a module from its source; one that has a digest must have that content."""

    digest = "-"

    def path_stats(self, path: Any) -> Any:
        raise OSError("no compiled code is used")

    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        if path == self.path and self.digest != "-" and sha256(data).hexdigest() != self.digest:
            raise ImportError(f"{path} was changed after the run began: it is frozen", name=self.name, path=path)
        return data


class _Finder:
    """Finds modules before Python's own path finder does.

    Attributes
    ----------
    folder : str
        Of the run.
    names : set of str
        Top-level modules that the version may mean to provide.
    files : dict
        Its Python files, relative to the folder, with their digests; ``-`` for those that may change.
    learns : bool
        Whether the unchanged version runs, which is trusted: it imports as ever, and what would be found elsewhere is noted.
    """

    def __init__(self, folder: str, names: set[str], files: dict[str, str], learns: bool) -> None:
        self.folder, self.names, self.files, self.learns = folder, names, files, learns
        self._installed = tuple(each.rstrip("/") + "/" for each in {sys.prefix, sys.base_prefix} if each != folder)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if path is None:
            path = sys.path
            if fullname not in self.names:
                outside = [each for each in path if not self.is_inside(each)]
                spec = PathFinder.find_spec(fullname, outside, target) if len(outside) < len(path) else None
                if self.learns and spec is not None:
                    found = PathFinder.find_spec(fullname, path, target)
                    if found is not None and found.origin != spec.origin:
                        _note(" " + fullname)
                    return None
                return spec if spec is not None and spec.loader is not None else None
        elif not any(map(self.is_inside, path)):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        return spec if spec is None or spec.origin is None else self._checked(fullname, spec)

    def is_inside(self, folder: object) -> bool:
        if not isinstance(folder, str):
            return False
        place = os.path.abspath(folder) + "/"
        return place.startswith(self.folder + "/") and not place.startswith(self._installed)

    def _checked(self, fullname: str, spec: ModuleSpec) -> ModuleSpec:
        place = os.path.abspath(spec.origin or "")
        if not place.startswith(self.folder + "/"):
            return spec
        name = place[len(self.folder) + 1 :]
        if name not in self.files:
            if not name.endswith("/__init__.py") or self.files.get(name[:-12] + ".py", "-") == "-":
                return spec
            name = name[:-12] + ".py"  # a new package would stand before a frozen module
            spec = spec_from_file_location(fullname, self.folder + "/" + name) or spec
        if type(spec.loader) is SourceFileLoader:
            loader = _Frozen(spec.loader.name, spec.loader.path)
            loader.digest = self.files[name]
            spec.loader, spec.cached = loader, None
        return spec


def _read(given: str) -> _Finder | None:
    """Return the finder for a list of modules, as it was written; None where it cannot be read."""
    path, _, digest = given.rpartition(":")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    if sha256(data).hexdigest() != digest:
        sys.exit(f"AUTORESEARCH_IMPORTS: {path} was changed after the run began.")
    folder, mode, names, *files = os.fsdecode(data).split("\n")
    digests = {line[line.index(" ") + 1 :]: line.split(" ", 1)[0] for line in files if line}
    return _Finder(folder, set(names.split()), digests, mode == "learn")


def _note(text: str) -> None:
    try:
        with open(os.environ["AUTORESEARCH_STARTED"], "a") as file:
            file.write(text)
    except (KeyError, OSError):
        pass


def _begin() -> None:
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [each for each in sys.path if each != own]
    finder = _read(os.environ.get("AUTORESEARCH_IMPORTS", ""))
    if finder is not None:
        finders: list[Any] = sys.meta_path  # of classes and objects
        where = finders.index(PathFinder) if PathFinder in finders else len(finders)
        finders.insert(where, finder)
        _note(" .")
    # The one that this one stands before, of the system or of the user's environment.
    path = sys.path
    if finder is not None and not finder.learns and "sitecustomize" not in finder.names:
        path = [each for each in path if not finder.is_inside(each)]
    other = PathFinder.find_spec("sitecustomize", path)
    if other is not None and other.loader is not None:
        module = module_from_spec(other)
        sys.modules["sitecustomize"] = module
        other.loader.exec_module(module)


_begin()
