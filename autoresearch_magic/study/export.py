"""Write a study out: a DataFrame and files. The report is in `report`."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.option_words import option_words
from ..errors import UserError, require
from ..experiment import Experiment
from ..judging.gains import Gain
from ..run_numbers import ShownNumber
from ..source.edits import unified_diff
from ..source.files import is_bundle, split
from ..storage.results_tsv import nine_column_table, ten_column_table, write_atomically
from ..text import fenced
from .sealed import NAME as SEALED
from .shown_numbers import shown_numbers
from .status import StudyStatus
from .summary import result_line

if TYPE_CHECKING:
    import pandas as pd

TABLES = (5, 9, 10)
"""Numbers of columns that a ``.tsv`` may have."""
SLIDES = (".png", ".svg")
"""Suffixes of the chart for slides."""

COLUMNS = [
    "experiment", "verdict", "value", "seconds", "runs", "summary", "commit", "agent", "source", "gain", "gain_low",
    "gain_high", "p_better", "proven", "parent", "repeats", "memory_gb", "reason", "hypothesis", "numbers",
]  # fmt: skip


def _columns(status: StudyStatus) -> dict[str, ShownNumber]:
    """Return the numbers that have a column of their own (``--also``, ``--limit``), by the name of the column."""
    shown = shown_numbers(status.settings, status.experiments)
    return {(f"run.{n.name}" if n.name in COLUMNS else n.name): n for n in shown}


def rows(status: StudyStatus, shown: Sequence[Experiment] | None = None) -> list[dict[str, Any]]:
    """Return one plain dict per experiment, with the keys of `COLUMNS`; `Study.history` says what they mean.

    Parameters
    ----------
    status : StudyStatus
    shown : sequence of Experiment, optional
        Those that get a row; all by default.
    """
    columns = _filled(status, status.experiments if shown is None else shown)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _filled(status: StudyStatus, shown: Sequence[Experiment]) -> dict[str, list[Any]]:
    """Return the values of each column."""
    every = status.gains
    gains = [every.get(e.number) for e in shown]
    found: dict[str, list[Any]] = {
        "experiment": [e.number for e in shown],
        "verdict": [str(e.verdict) for e in shown],
        "value": [e.value for e in shown],
        "seconds": [round(e.seconds, 3) for e in shown],
        "runs": [len(e.measurements) for e in shown],
        "summary": [e.summary for e in shown],
        "commit": [e.commit[:7] for e in shown],
        "agent": [e.proposal.agent for e in shown],
        "source": [e.target for e in shown],
        "gain": [g and g.gain for g in gains],
        "gain_low": [g and g.low for g in gains],
        "gain_high": [g and g.high for g in gains],
        "p_better": [g and g.p_better for g in gains],
        "proven": [g is not None and g.proven for g in gains],
        "parent": [e.parent for e in shown],
        "repeats": [len(e.measurements) for e in shown],
        "memory_gb": [round(e.memory, 3) for e in shown],
        "reason": [e.reason for e in shown],
        "hypothesis": [e.proposal.hypothesis for e in shown],
        "numbers": [e.numbers for e in shown],
    }
    return found | {name: [number.value(e) for e in shown] for name, number in _columns(status).items()}


def _gain(gain: Gain) -> dict[str, float | bool | None]:
    return {
        "gain": gain.gain, "gain_low": gain.low, "gain_high": gain.high, "p_better": gain.p_better, "proven": gain.proven,
    }  # fmt: skip


def history(status: StudyStatus, shown: Sequence[Experiment] | None = None) -> pd.DataFrame:
    """Return the history as a DataFrame, one row per experiment; see `rows` and `Study.history`."""
    frame: pd.DataFrame = require("pandas", "The history as a DataFrame").DataFrame(
        _filled(status, status.experiments if shown is None else shown)
    )
    return frame.astype(
        {
            "experiment": "int64",
            "parent": "Int64",
            "runs": "int64",
            "repeats": "int64",
            **dict.fromkeys(("value", "seconds", "gain", "gain_low", "gain_high", "p_better"), "float64"),
            "proven": "bool",
        }
    )


def history_csv(status: StudyStatus) -> str:
    """Return the history as CSV with a header line; missing values are empty, and the other numbers of a run are JSON."""
    out = io.StringIO()
    table = csv.DictWriter(out, [*COLUMNS, *_columns(status)], lineterminator="\n")
    table.writeheader()
    table.writerows({**row, "numbers": json.dumps(row["numbers"])} for row in rows(status))
    return out.getvalue()


def export(status: StudyStatus, path: Path, columns: int = 5, *, dark: bool = False) -> Path:
    """Write the best target or the history, in the format of the suffix; see `Study.export`.

    Parameters
    ----------
    status : StudyStatus
    path : Path
    columns : int
        Columns of a ``.tsv``: 5 as in the original, 10 with the gains beside them, or 9 as in the generalised skill.
    dark : bool
        Whether the background of a chart is dark.
    """
    if dark and path.suffix.lower() not in SLIDES:
        raise UserError(f"--dark is for a chart, .png or .svg, not for {path.name!r}.")
    if columns not in TABLES:
        raise UserError(f"A .tsv has 5, 9 or 10 columns, not {columns}: --columns 5, --columns 9 or --columns 10.")
    if columns != 5 and path.suffix.lower() != ".tsv":
        raise UserError(f"--columns is for a .tsv, not for {path.name!r}.")
    best = status.incumbent
    if best is None:
        raise UserError(f"{status.name} has no baseline yet: there is nothing to export.")
    if path.suffix.lower() in SLIDES:
        from .report.slide import slide

        picture = slide(status, path.suffix.lower()[1:], dark=dark)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, picture)
        return path
    match path.suffix.lower():
        case ".py":
            text = _source(best)
        case ".patch" | ".diff":
            text = unified_diff(status.experiments[0].target, best.target, "a/target.py", "b/target.py")
        case ".csv":
            text = history_csv(status)
        case ".tsv" if columns == 9:
            text = _nine(status)
        case ".tsv" if columns == 10:
            gains = {number: _gain(gain) for number, gain in status.gains.items()}
            text = ten_column_table(status.experiments, status.metric, gains)
        case ".tsv":
            text = (status.folder / "results.tsv").read_text(encoding="utf-8")
        case ".json":
            text = json.dumps(rows(status), indent=1)
        case ".ipynb":
            text = _notebook(status, best)
        case _:
            raise UserError(
                f"Cannot export {path.name!r}: use .py, .ipynb or .patch (the best target), .csv, .tsv or .json (the history), .png or .svg (the chart for slides)."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _nine(status: StudyStatus) -> str:
    from ..storage.journal import Journal

    experiments = status.experiments
    with Journal(status.folder / "journal.sqlite") as journal:
        judged_at = {e.number: journal.judged_at(e.number) for e in experiments}
    return nine_column_table(experiments, status.metric, guarded=bool(status.settings.guard), judged_at=judged_at)


def _notebook(status: StudyStatus, best: Experiment) -> str:
    """Return a notebook that starts the study again, from the best version in a cell study."""
    v4 = require("nbformat.v4", "An exported notebook")
    definition, settings = status.definition, status.settings
    intro = [
        v4.new_markdown_cell(f"# {definition.program.title or status.name}\n\n{result_line(status)}."),
        v4.new_code_cell("%load_ext autoresearch_magic"),
    ]
    if (checkout := definition.checkout) is not None:
        # The notebook may be opened anywhere, and a study looks around itself for its repository.
        settings = replace(settings, repo=settings.repo or str(checkout.folder))
        patch = unified_diff(status.experiments[0].target, best.target)
        cells = [v4.new_markdown_cell(f"The change of the best version:\n\n{fenced(patch, 'diff')}")] if patch else []
    else:
        # Code that was read from files imports what lies beside them, and the notebook may lie elsewhere.
        if definition.setup_path is not None:
            setup = f"%autoresearch setup {shlex.quote(str(definition.setup_path))}"
        elif definition.target_path is not None:
            folder = str(definition.target_path.parent)
            setup = f"%%autoresearch setup\nimport sys\n\nsys.path.insert(0, {folder!r})\n{definition.setup}"
        else:
            setup = f"%%autoresearch setup\n{definition.setup}" if definition.setup.strip() else ""
        sealed = definition.sealed_path or status.folder / SEALED  # its text is in that file alone
        hidden = (
            [f"%autoresearch setup {shlex.quote(str(sealed))} --sealed"]
            if definition.sealed_mark and not settings.sealed
            else []
        )
        cells = [
            *(v4.new_code_cell(each) for each in (setup, *hidden) if each),
            v4.new_code_cell(f"%%autoresearch target\n{best.target}"),
        ]
    start = v4.new_code_cell(f"%%autoresearch {' '.join(option_words(settings))}\n{definition.program.text}")
    return _as_json([*intro, *cells, start])


def _as_json(cells: list[Any]) -> str:
    v4 = require("nbformat.v4", "An exported notebook")
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    return json.dumps(notebook, indent=1)


def _source(best: Experiment) -> str:
    """Return the best target as one source text; raise `UserError` when it is several files."""
    if not is_bundle(best.target):
        return best.target
    found = split(best.target)
    if len(found) == 1:
        return next(iter(found.values()))
    raise UserError(f"The target is {len(found)} files: export it as .patch, or bring it into your branch with  apply")
