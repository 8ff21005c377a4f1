"""Write the report of a study into a file."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...errors import UserError
from ...storage.results_tsv import write_atomically
from ..summary import report_markdown
from ..view import StudyView
from .page import html_report

NAME = "report.html"
"""The report's name in the study's folder."""

HTML, MARKDOWN = (".html", ".htm"), (".md", ".markdown")


def write_report(study: StudyView, path: Path) -> Path:
    """Write the report, as HTML or as Markdown with the progress chart beside it, by the suffix of the path.

    Raises
    ------
    UserError
        For another suffix, or a folder.
    """
    kind = path.suffix.lower()
    if kind not in (*HTML, *MARKDOWN):
        raise UserError(f"A report is HTML or Markdown: give a path that ends in .html or .md, not {path.name!r}.")
    words = html_report(study) if kind in HTML else report_markdown(study.status)
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the path of a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, words.encode("utf-8", "backslashreplace"))
    picture = study.folder / "progress.png"
    if kind in MARKDOWN and picture.is_file() and path.parent.resolve() != study.folder.resolve():
        shutil.copyfile(picture, path.parent / "progress.png")
    return path
