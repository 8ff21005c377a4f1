"""The reply of ``report``: where the report is, and a link that opens it.

A notebook's front end opens a link to a file below its own folder, and a Jupyter server hands out no hidden folders, such as that of the
studies. So in a notebook a report is written into a visible folder beside it, unless the user says where.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from ..storage.folders import hide
from ..study.study import Study
from ..study.summary import counts, result_line, tried_line
from ..text import escape
from .browser import open_in_browser, terminal_link
from .facts import metric_facts
from .replies import shown_path
from .reply import Reply

FOLDER = "autoresearch_reports"
"""The folder beside a notebook; git ignores it, as the notebook may be in a repository."""


def report_reply(study: Study, to: str | None, beside: Path | None = None, *, browser: bool = False) -> Reply:
    """Write the report, and show where it is and the result.

    Parameters
    ----------
    study : Study
    to : str or None
        The file; by default in the study's folder, for a notebook in `FOLDER`.
    beside : Path, optional
        The notebook's folder, where its links begin.
    browser : bool
        Whether to open it in the browser of this machine.
    """
    given = None if to is None else Path(to).expanduser()
    if given is None and beside is not None and _link(study.folder / "x", beside) is None:
        folder = beside / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        hide(folder)
        given = folder / f"{study.name}.html"
    path = study.report(given, confirm=False)
    n = counts(study.experiments)
    head = f"{tried_line(study.status)}, {n['discard']} discarded, {n['failed']} failed"
    line = result_line(study.status)
    url = path.resolve().as_uri()
    lines = [head, line, f"The report is at {shown_path(path)}", terminal_link(url)]
    if browser:
        lines.append(
            "It is open in the browser."
            if open_in_browser(url)
            else "There is no browser to open here: open the address yourself."
        )
    link = None if beside is None else _link(path, beside)
    where = f"`{shown_path(path)}`"
    where = f"The report is at {where}." if link is None else f"**[Open the report]({link})** ({where})"
    return Reply(
        "\n".join(lines), f"**{escape(line)}.**\n\n{head}.\n\n{where}",
        data={"study": study.name, "metric": metric_facts(study.metric), "path": str(path), "url": url, "result": line},
    )  # fmt: skip


def _link(path: Path, beside: Path) -> str | None:
    """Return the link to a file from a notebook in a folder; None where a server would not hand it out: outside, or hidden."""
    try:
        below = path.resolve().relative_to(beside.resolve())
    except ValueError:
        return None
    return None if any(part.startswith(".") for part in below.parts) else quote(below.as_posix())


def notebook_folder() -> Path:
    """Return the folder of the notebook that this kernel belongs to; the working directory where the front end does not tell."""
    told = os.environ.get("JPY_SESSION_NAME", "")
    folder = Path(told).parent
    return folder if told and Path(told).is_absolute() and folder.is_dir() else Path.cwd()
