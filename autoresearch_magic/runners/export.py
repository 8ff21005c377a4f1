"""The folder where commands run: a plain export of one version of the user's repository, as if it were made anew for each run.

A pristine copy of the study's commit lies beside it, where runs are not let. Before each run every file of the folder is compared
with what was noted when we wrote it (see `folder_scan`): what a run has changed, added or touched is written again or deleted, ignored
files too. Only what the unchanged version itself had built, such as ``target/`` or ``build/``, is there again: as it was then.

There is no ``.git``: git in an experiment has nothing to change. A command that calls git gets a throw-away repository (`make_repository`).
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ..errors import UserError
from ..source.files import is_python, match
from ..storage.git.checkout import Checkout
from ..storage.git.command import GitFailed, git, names
from ..storage.git.export import export_commit, make_repository
from .folder_scan import Stat, copy, remove, scan, stat_of, wait_for_tick
from .imports import digest_of, modules_list
from .node_modules import mirror

_BUILT = frozenset({
    "target", "build", "dist", "out", "bin", "obj", ".next", ".nuxt", ".svelte-kit", ".gradle", "_build", "deps", ".build", "zig-out",
    ".eggs", ".venv", "venv", ".uv-environment", ".stack-work", "dist-newstyle", "elm-stuff", ".dart_tool", "vendor", "cmake-build-release",
    "cmake-build-debug", "builddir",
})  # fmt: skip
"""Names of ignored folders that hold what was built."""
_BUILT_ENDS = (".o", ".a", ".so", ".dylib", ".pyd", ".obj", ".lib", ".dll", ".class", ".d", ".egg-info")
_STATE = frozenset({
    "__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".nyc_output", "coverage", ".coverage", ".cache",
})  # fmt: skip
"""Names of caches that are never kept, because they could decide what the next run does."""
MOST_KEPT, MOST_KEPT_BYTES = 60_000, 4 << 30
"""Built files that are kept, and their bytes; of more, none is."""
MOST_READ_ONLY = 100
"""Files that are read-only to a run, each for 13 us of its start; what is changed of others is found afterwards."""
_CODE = frozenset({
    ".py", ".pyx", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".mts", ".cts", ".sh", ".bash", ".rb", ".go", ".rs", ".java", ".kt",
    ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".swift", ".php", ".pl", ".lua", ".jl", ".r", ".R", ".scala", ".ex", ".exs", ".toml", ".cfg",
    ".ini", ".mk", ".cmake", ".gradle",
})  # fmt: skip
"""Ends of files that are programs or configure them."""


class Export:
    """The folder of one study's commands.

    Parameters
    ----------
    folder : Path
        Its folder, which need not exist yet.
    checkout : Checkout
    base : Mapping[str, str] or iterable of str
        The target's files at the study's beginning; those that a version lacks are deleted.
    branch : str
        ``autoresearch/<study>``, created at the study's first commit if it does not exist; empty for none.
    linked : sequence of str
        Untracked files and folders of the checkout to link into the folder.
    repository : bool
        Whether commands need a repository of git.
    """

    def __init__(
        self, folder: Path, checkout: Checkout, base: Iterable[str], branch: str = "", linked: Sequence[str] = (), *,
        repository: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.checkout, self.branch, self.repository = folder.absolute(), checkout, branch, repository
        self.linked = tuple(name.removeprefix("./").rstrip("/") for name in linked)
        self.mirrored: tuple[str, ...] = ()
        self._base = frozenset(base)
        self.base: dict[str, str] | None = dict(base) if isinstance(base, Mapping) else None
        self._pristine = self.folder.with_name(f"{self.folder.name}.pristine")
        self._original: dict[str, Stat] = {}  # of the pristine copy
        self._written: dict[str, Stat] = {}  # of the folder, when its files were written
        self._overlay: dict[str, bytes] = {}  # those files of the shown version that the pristine copy has not
        self._built: frozenset[str] = frozenset()
        self._asked_built = False
        self._shown: Mapping[str, str] = {}
        self._measures: set[str] | None = None
        self._digests: dict[str, str] = {}  # of the pristine copy's frozen modules

    def link(self, names: Iterable[str], mirrored: Iterable[str] = ()) -> None:
        """Link more untracked folders of the checkout into the folder, from the next `show` on.

        Parameters
        ----------
        names : iterable of str
        mirrored : iterable of str
            Folders of the kind ``node_modules``, whose packages are linked one by one.
        """
        self.linked = (*self.linked, *(name for name in names if name not in self.linked))
        self.mirrored = tuple(mirrored)

    def open(self) -> None:
        """Make the pristine copy, and the study's branch.

        Raises
        ------
        UserError
            When git fails.
        """
        top = self.checkout.folder
        for name in self.linked:
            if not (top / name).exists():
                raise UserError(f"--link {name}: there is no such file or folder in {top}.")
        for worktree in (self.folder, self.folder.with_name("worktree")):
            if (worktree / ".git").is_file():  # of a version that used git's own worktrees
                _remove_worktree(top, worktree)
        try:
            self._make_pristine()
            if self.branch:
                ref = f"refs/heads/{self.branch}"
                try:
                    git(top, "rev-parse", "--verify", "--quiet", ref)
                except GitFailed:
                    git(top, "update-ref", ref, self.checkout.commit)
        except GitFailed as error:
            raise UserError(f"git could not export {top}: {error}.") from None

    def _make_pristine(self) -> None:
        _make_away(self._pristine)
        self._pristine.mkdir(parents=True)
        export_commit(self.checkout.folder, self.checkout.commit, self._pristine)
        if self.repository:
            make_repository(self.checkout.folder, self.checkout.commit, self.checkout.branch, self._pristine)
        began = time.monotonic()
        self._original, self._built, self._asked_built, self._measures = (
            scan(self._pristine)[0],
            frozenset(),
            False,
            None,
        )
        self._digests = {}
        wait_for_tick(began)

    def add_repository(self) -> None:
        """Give the folder a repository from the next `show` on."""
        self.repository = True
        self.open()

    # -- one version after another --------------------------------------------------------------------------------------

    def show(self, target: Mapping[str, str]) -> None:
        """Make the folder a fresh export of a version.

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
            if scan(self._pristine)[0] != self._original:  # written from outside, or by a run that nothing confined
                self._make_pristine()
        except FileNotFoundError:
            self.open()
        except GitFailed as error:
            raise UserError(f"git could not export {self.checkout.folder}: {error}.") from None
        try:
            self._bring_to(target)
        except OSError:
            if not os.path.lexists(self.folder):
                raise
            # Something there cannot be deleted or read: the folder is left to itself, and another one takes its place.
            _make_away(self.folder)
            self._written = {}
            self._bring_to(target)
        self._shown = dict(target)

    def _bring_to(self, target: Mapping[str, str]) -> None:
        began = time.monotonic()
        overlay = {path: text.encode("utf-8", "surrogatepass") for path, text in target.items()}
        # What the pristine copy has already is taken from there, with its time.
        same = {path for path, data in overlay.items() if self._is_pristine(path, data)}
        hidden = {path for path in overlay if path not in same} | (self._base - overlay.keys())
        wanted = {path: found for path, found in self._original.items() if path not in hidden}
        new = {path: data for path, data in overlay.items() if path not in same}
        _real_folder(self.folder)
        there, folders = scan(self.folder)
        links = self._links()
        kept: dict[str, Stat] = {}
        for path, found in there.items():
            mine = self._written.get(path)
            before = self._overlay.get(path)
            if mine == found and ((path in wanted and before is None) or (path in new and before == new[path])):
                kept[path] = found
            elif path not in links and not any(path.startswith(f"{name}/") for name in self.mirrored):
                remove(self.folder / path)
        needed = _folders((*wanted, *new, *links, *self.mirrored))
        needed |= set(self.mirrored) | {f for f in folders if any(f.startswith(f"{m}/") for m in self.mirrored)}
        for name in reversed(folders):
            if name not in needed:
                remove(self.folder / name)
        made = set(folders) & needed
        for name in sorted(needed - made):
            if name not in self.mirrored:
                (self.folder / name).mkdir(0o755)
        for name in made:
            place = self.folder / name
            if stat.S_IMODE(place.stat().st_mode) != _FOLDER_MODE:
                place.chmod(_FOLDER_MODE)
        missing = [path for path in wanted if path not in kept]
        for path in missing:
            copy(f"{self._pristine}/{path}", f"{self.folder}/{path}", wanted[path])
        fresh = [path for path in new if path not in kept]
        for path in fresh:
            place = self.folder / path
            place.write_bytes(new[path])
            if path in self._original and stat.S_ISREG(self._original[path][1]):
                place.chmod(stat.S_IMODE(self._original[path][1]))
        self._link()
        self._written = kept | {path: stat_of(os.lstat(f"{self.folder}/{path}")) for path in (*missing, *fresh)}
        self._overlay = new
        if missing or fresh:
            wait_for_tick(began if not fresh else time.monotonic())

    def _is_pristine(self, path: str, data: bytes) -> bool:
        found = self._original.get(path)
        if found is None or not stat.S_ISREG(found[1]) or found[3] != len(data):
            return False
        return (self._pristine / path).read_bytes() == data

    def _links(self) -> set[str]:
        return set(self.linked)

    def _link(self) -> None:
        top = self.checkout.folder
        for name in self.linked:
            original, place = top / name, self.folder / name
            if not original.exists():
                raise UserError(f"--link {name}: there is no such file or folder in {top}.")
            if not place.is_symlink() or place.readlink() != original:
                if os.path.lexists(place):
                    remove(place)
                place.symlink_to(original, target_is_directory=original.is_dir())
        for name in self.mirrored:
            for folder in reversed(_parents(name)):
                (self.folder / folder).mkdir(exist_ok=True)
            mirror(top / name, self.folder / name, top, self.folder, caches=False)

    @property
    def unchanged(self) -> bool:
        """Whether the folder's version is the one that the study began with."""
        return bool(self._written) and self._shown == (self.base or {})

    # -- what a run has done --------------------------------------------------------------------------------------------

    def touched(self) -> list[str]:
        """Return the files of the version that differ from what was written, be it in a time alone."""
        return [path for path, found in self._written.items() if self._now(path) != found]

    def changed(self) -> list[str]:
        """Return the files of the commit whose content, kind or mode is not the commit's any more."""
        found = [path for path in self.touched() if path in self._original and not path.startswith(".git/")]
        return [path for path in found if self._differs(path)]

    def tampered(self, also_written: Iterable[str] = ()) -> list[str]:
        """Return the files that measure and that a run has changed, or has changed and put back.

        Parameters
        ----------
        also_written : iterable of str
            Files that a run of the unchanged version touches: of them, only the content counts.
        """
        watched, forgiven = self._measuring, set(also_written)
        changed = [path for path in self.touched() if path in watched]
        return [path for path in changed if path not in forgiven or self._differs(path)]

    def modules(self, known: Iterable[str] | None, also: Iterable[str]) -> bytes:
        """Return the list of the shown version's modules (see `imports`).

        Parameters
        ----------
        known : iterable of str or None
            Files that a run of the unchanged version touches; None where that is not known, and the list only learns.
        also : iterable of str
            See `imports.modules_list`.
        """
        linked = [*self.linked, *self.mirrored]
        names = [PurePosixPath(name).name.partition(".")[0] for name in linked]
        for name in self.linked:
            with suppress(OSError):
                names += [each.partition(".")[0] for each in os.listdir(self.checkout.folder / name)]
        digests: dict[str, str] = {}
        if known is not None:
            for path in self._measuring.difference(known, self._overlay):
                if is_python(path) and path in self._written and stat.S_ISREG(self._written[path][1]):
                    if path not in self._digests:
                        self._digests[path] = digest_of((self._pristine / path).read_bytes())
                    digests[path] = self._digests[path]
        folder = os.path.realpath(self.folder)
        return modules_list(folder, self._written, digests, also=[*names, *also], learn=known is None)

    def read_only(self, known: Iterable[str]) -> list[str]:
        """Return the paths of the files that a run may not write, at most `MOST_READ_ONLY`: those that the commands name and tests first."""
        found = [path for path in self.checkout.frozen if path in self._written]
        found += sorted(self._measuring.difference(found) & self._written.keys())
        forgiven, folder = {*known, *self._overlay}, os.path.realpath(self.folder)
        return [f"{folder}/{path}" for path in found if path not in forgiven and self._is_plain(path)][:MOST_READ_ONLY]

    def _is_plain(self, path: str) -> bool:
        return stat.S_ISREG(self._written[path][1])

    def measuring_folders(self) -> set[str]:
        """Return the folders, relative to this one, that hold files that measure."""
        return _folders(self._measuring & self._written.keys())

    @property
    def _measuring(self) -> set[str]:
        """Frozen files, and programs and their configuration that are no part of the target."""
        if self._measures is None:
            code = [path for path in self.checkout.tracked if PurePosixPath(path).suffix in _CODE]
            self._measures = {*self.checkout.frozen, *(set(code) - set(match(self.checkout.scope, code)))}
        return self._measures

    def _now(self, path: str) -> Stat | None:
        try:
            return stat_of(os.lstat(f"{self.folder}/{path}"))
        except OSError:
            return None

    def _differs(self, path: str) -> bool:
        """Whether a file differs from the version's in content, kind or in being executable."""
        now, before = self._now(path), self._original.get(path)
        if now is None or before is None or path in self._overlay:
            data = self._overlay.get(path)
            return now is None or data is None or not stat.S_ISREG(now[1]) or (self.folder / path).read_bytes() != data
        if stat.S_IFMT(now[1]) != stat.S_IFMT(before[1]) or (now[1] ^ before[1]) & 0o111:
            return True
        if stat.S_ISLNK(now[1]):
            return (self.folder / path).readlink() != (self._pristine / path).readlink()
        if any((self.folder / folder).is_symlink() for folder in _parents(path)):
            return True
        return now[3] != before[3] or (self.folder / path).read_bytes() != (self._pristine / path).read_bytes()

    def keep_built(self) -> None:
        """Take what the unchanged version has built for part of the pristine copy, so that each version builds only what it changes.

        Called when a run of that version has ended, once; a later version's are never taken.
        """
        if self._asked_built or not self.unchanged:
            return
        self._asked_built = True
        there, _ = scan(self.folder)
        found = [path for path in there if path not in self._written and _is_built(path) and not self._is_linked(path)]
        if not found or len(found) > MOST_KEPT or sum(there[path][3] for path in found) > MOST_KEPT_BYTES:
            return
        try:
            given = "".join(f"{path}\0" for path in found)
            ignored = names(git(self.checkout.folder, "check-ignore", "-z", "--stdin", "--no-index", given=given))
        except GitFailed:  # none is
            return
        built = []
        for path in ignored:
            if stat.S_ISREG(there[path][1]) or stat.S_ISLNK(there[path][1]):
                place = self._pristine / path
                place.parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):
                    copy(f"{self.folder}/{path}", str(place), there[path])
                    built.append(path)
        began = time.monotonic()
        for path in built:
            self._original[path] = stat_of(os.lstat(self._pristine / path))
            self._written[path] = there[path]
        self._built = frozenset(built)
        wait_for_tick(began)

    def _is_linked(self, path: str) -> bool:
        return any(path == name or path.startswith(name + "/") for name in (*self.linked, *self.mirrored))

    @property
    def notes(self) -> Path:
        """Where is noted how the unchanged version behaves."""
        return self.folder.with_name(f"{self.folder.name}.json")

    @property
    def unit(self) -> Path:
        """Where is noted in which unit the unchanged version prints the metric."""
        return self.folder.with_name(f"{self.folder.name}.unit.json")

    @property
    def imports(self) -> Path:
        """Where the list of the version's modules lies (see `imports`)."""
        return self.folder.with_name(f"{self.folder.name}.imports")

    def remove(self) -> None:
        """Delete the folder and the pristine copy; the branch and the experiments stay."""
        for noted in (self.notes, self.unit, self.imports):
            noted.unlink(missing_ok=True)
        for place in (self.folder, self._pristine):
            with suppress(OSError):
                remove(place)


_FOLDER_MODE = 0o755


def _folders(paths: Iterable[str]) -> set[str]:
    """Return all folders that paths are in."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _parents(path: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(path).parents][:-1]


def _is_built(path: str) -> bool:
    parts = path.split("/")
    if any(part in _STATE for part in parts):
        return False
    return any(part in _BUILT or part.endswith(".egg-info") for part in parts[:-1]) or path.endswith(_BUILT_ENDS)


def _real_folder(place: Path) -> None:
    """Make a folder, unless it is one; what stands in its place goes."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        place.unlink()
    place.mkdir(parents=True, exist_ok=True)
    if stat.S_IMODE(place.stat().st_mode) & 0o700 != 0o700:
        place.chmod(_FOLDER_MODE)


def _make_away(place: Path) -> None:
    """Delete a folder; one that cannot be deleted gets another name."""
    try:
        remove(place)
    except OSError:
        number = 1
        while os.path.lexists(aside := place.with_name(f"{place.name}.left{number}")):
            number += 1
        place.rename(aside)


def _remove_worktree(top: Path, folder: Path) -> None:
    """Delete a git worktree and its record in the repository."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(GitFailed):
        # Not `git worktree prune`, which would also forget the user's worktrees on disks that are not mounted.
        git(top, "worktree", "remove", "--force", "--force", str(folder))
