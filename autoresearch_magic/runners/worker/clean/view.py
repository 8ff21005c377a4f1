"""What the target has written in place of the user's files, kept from the clean side while it learns from the baseline.

The clean side works in the notebook's folder. Where a run by hand has left there what the baseline writes, the metric would be the same
whether it reads the old file or the target's, and every later version would be measured by the old one. So the baseline is evaluated where
such files are missing: if the metric needs one, it fails here, and is computed in the target's process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...own_folder import written_files
from ..working_folder import WORK


def overwritten(folder: Path, users: Path) -> list[str]:
    """Return the user's files of which a run has written a version of its own, relative to the user's folder.

    Parameters
    ----------
    folder : Path
        The run's folder.
    users : Path
        The folder that it showed.
    """
    return [path for path, _ in written_files(folder / WORK, users) if os.path.lexists(users / path)]


@contextmanager
def without_overwritten(folder: Path) -> Iterator[None]:
    """Work in a folder of links to the present one's entries, inside; those behind which a run's own version of a file lies are left out."""
    users = Path.cwd()
    hidden = {Path(path).parts[0] for path in overwritten(folder, users)}
    if not hidden:
        yield
        return
    view = folder.with_name(f"{folder.name}-view")  # `OwnFolders` deletes it with the run's folder
    view.mkdir()
    for entry in users.iterdir():
        if entry.name not in hidden:
            (view / entry.name).symlink_to(entry)
    os.chdir(view)
    try:
        yield
    finally:
        os.chdir(users)
