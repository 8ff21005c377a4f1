"""``autoresearch run NOTEBOOK.ipynb``: execute a notebook in a kernel, with a progress bar read from the study's journal."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from ..config.effective import make_settings
from ..errors import UserCodeError, UserError
from ..storage.folders import ROOT, study_names
from ..storage.journal import Journal
from ..study.opening import open_study
from .outcome import outcome_reply
from .progress_bar import REFRESH, terminal_bar
from .replies import shown_path
from .reply import Reply


def run_notebook(path: Path, out: Path | None, options: Mapping[str, object]) -> Reply:
    """Execute a notebook and save the result.

    Parameters
    ----------
    path : Path
    out : Path or None
        Where the executed notebook is written; ``NAME.executed.ipynb`` beside it by default.
    options : Mapping
        Settings of a study; there must be none, because a notebook has them in its cells.

    Returns
    -------
    Reply
        The outcome of the last study that the notebook has started, with its exit code.

    Raises
    ------
    UserError
        When there is no such notebook, or a cell fails; the notebook is saved as far as it was executed.
    """
    if options:
        raise UserError(
            f"A notebook has its settings in its cells: change --{next(iter(options)).replace('_', '-')} there."
        )
    try:
        import nbformat
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        raise UserError("Running a notebook needs nbclient: pip install nbclient ipykernel") from None
    if not path.is_file():
        raise UserError(f"There is no notebook at {path}.")
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is not a notebook: {' '.join(str(error).split())[:200]}") from None
    out = out or path.with_suffix(".executed.ipynb")
    root, began = path.parent / ROOT, time.time()
    failure: list[BaseException] = []

    def execute() -> None:
        try:
            # Socket files instead of TCP ports, so that no other user can reach the kernel; in a folder with a short
            # name, because the path of a socket may have no more than about a hundred characters.
            with tempfile.TemporaryDirectory(prefix="ar-") as sockets:
                manager = AsyncKernelManager(
                    kernel_name="python3", transport="ipc", connection_file=str(Path(sockets) / "k.json")
                )
                resources = {"metadata": {"path": str(path.parent)}}
                client = NotebookClient(notebook, km=manager, timeout=None, resources=resources)
                asyncio.run(client.async_execute(cleanup_kc=True))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=execute, name="notebook", daemon=True)
    thread.start()
    bar = terminal_bar(path.name)
    while thread.is_alive():
        thread.join(REFRESH)
        bar.show(*notebook_progress(root, began, path.name))
    bar.close("")
    nbformat.write(notebook, out)
    if failure:
        raise cell_failure(failure[0], out) if isinstance(failure[0], CellExecutionError) else failure[0]
    started = studies_since(root, began)
    if not started:
        return Reply(f"notebook  {shown_path(out)}")
    return outcome_reply(open_study(started[-1], root), [("notebook", out)])


def studies_since(root: Path, began: float) -> list[str]:
    """Return the names of the studies that were written to since a time, the newest last."""
    return [name for name in study_names(root) if (root / name / "journal.sqlite").stat().st_mtime >= began]


def notebook_progress(root: Path, began: float, name: str) -> tuple[float, str]:
    """Return how much of the newest study is done, 0 to 1, and a caption; the notebook's name while there is none."""
    started = studies_since(root, began)
    if not started:
        return 0.0, name
    try:
        opened = Journal(root / started[-1] / "journal.sqlite")
    except UserError:  # it is being created at this moment
        return 0.0, name
    with opened as journal:
        if journal.get("settings") is None:
            return 0.0, name
        settings = make_settings(journal.get("settings"))
        runs, experiments = journal.runs(), [e for e in journal.experiments() if e.verdict is not None]
    total = settings.experiments + 3 * settings.repeats
    # Repeats of candidates are not planned, so an experiment counts once, however often it ran.
    planned_runs = sum(run.kind in ("baseline", "final") for run in runs)
    share = min(1.0, (planned_runs + sum(e.number > 0 for e in experiments)) / total)
    kept = [e for e in experiments if e.kept]
    if not kept:
        return share, "measuring the baseline"
    planned = f"/{settings.planned}" if settings.planned else ""
    again = bool(runs) and runs[-1].kind == "final"
    what = "measuring again" if again else f"{max(0, len(experiments) - 1)}{planned} experiments"
    return share, f"{what}, best {settings.as_metric().format(kept[-1].value)}"


class NotebookFailed(UserCodeError):
    """A cell of a notebook failed. The message is the notebook's own, and speaks of its cells."""


def cell_failure(error: BaseException, out: Path) -> NotebookFailed:
    """Turn the failure of a cell into one line, with the user's traceback if there is one."""
    name, value = getattr(error, "ename", ""), getattr(error, "evalue", str(error))
    usage = name == "UsageError"  # how our magics report a UserError: one line, no traceback
    return NotebookFailed(
        f"A cell failed: {value if usage else f'{name}: {value}'} (see {shown_path(out)})",
        "" if usage else str(getattr(error, "traceback", "")),
    )
