"""What a study hands out: a DataFrame, files, a report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..experiment import Experiment
from ..source.edits import unified_diff
from ..source.files import is_bundle, split
from ..text import fenced
from .summary import Shown, report, result_line

if TYPE_CHECKING:
    import pandas as pd

REPOSITORY = ("scope", "verify", "guard", "guard_metric", "guard_threshold", "repo", "link")
"""Settings of a study of a repository, for a notebook that starts it again."""

COLUMNS = [
    "experiment", "verdict", "value", "seconds", "summary", "commit", "agent", "source", "parent", "repeats",
    "memory_gb", "reason", "hypothesis",
]  # fmt: skip


def rows(experiments: list[Experiment]) -> list[dict[str, Any]]:
    """Return one plain dict an experiment, with the keys of `COLUMNS`."""
    return [
        {
            "experiment": e.number, "verdict": str(e.verdict), "value": e.value, "seconds": round(e.seconds, 3),
            "summary": e.summary, "commit": e.commit[:7], "agent": e.proposal.agent, "source": e.target,
            "parent": e.parent, "repeats": len(e.measurements), "memory_gb": round(e.memory, 3), "reason": e.reason,
            "hypothesis": e.proposal.hypothesis,
        }
        for e in experiments
    ]  # fmt: skip


def history(experiments: list[Experiment]) -> pd.DataFrame:
    """Return the history as a DataFrame, one row an experiment; see `Study.history`."""
    import pandas as pd

    frame = pd.DataFrame(rows(experiments), columns=COLUMNS)
    return frame.astype(
        {"experiment": "int64", "value": "float64", "seconds": "float64", "parent": "Int64", "repeats": "int64"}
    )


def write_report(study: Shown, path: Path) -> Path:
    """Write the report, and the picture beside it."""
    if path.suffix.lower() not in (".md", ".markdown"):
        raise UserError(f"A report is Markdown: give a path that ends in .md, not {path.name!r}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report(study), encoding="utf-8")
    picture = study.folder / "progress.png"
    if picture.is_file() and path.parent.resolve() != study.folder.resolve():
        shutil.copyfile(picture, path.parent / "progress.png")
    return path


def export(study: Shown, path: Path, columns: int = 5) -> Path:
    """Write what the suffix asks for; see `Study.export`.

    Parameters
    ----------
    study : Study
    path : Path
    columns : int
        Of a ``.tsv``: 5 as the original has them, or 9 as the generalised skill has them.
    """
    if columns not in (5, 9):
        raise UserError(f"A .tsv has 5 columns or 9, not {columns}: --columns 5 or --columns 9.")
    if columns != 5 and path.suffix.lower() != ".tsv":
        raise UserError(f"--columns is for a .tsv, not for {path.name!r}.")
    best = study.incumbent
    if best is None:
        raise UserError(f"{study.name} has no baseline yet: there is nothing to export.")
    frame = study.history
    match path.suffix.lower():
        case ".py":
            text = _source(best)
        case ".patch" | ".diff":
            text = unified_diff(study.experiments[0].target, best.target, "a/target.py", "b/target.py")
        case ".csv":
            text = frame.to_csv(index=False)
        case ".tsv" if columns == 9:
            text = _nine(study)
        case ".tsv":
            text = (study.folder / "results.tsv").read_text(encoding="utf-8")
        case ".json":
            text = json.dumps(rows(study.experiments), indent=1)
        case ".ipynb":
            text = _notebook(study, best)
        case _:
            raise UserError(
                f"Cannot export {path.name!r}: use .py, .ipynb or .patch (the best target), .csv, .tsv or .json (the history)."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _nine(study: Shown) -> str:
    from ..storage.journal import Journal
    from ..storage.nine_columns import nine_columns

    experiments = study.experiments
    with Journal(study.folder / "journal.sqlite") as journal:
        judged_at = {e.number: journal.judged_at(e.number) for e in experiments}
    return nine_columns(experiments, study.metric, guarded=bool(study.settings.guard), judged_at=judged_at)


def _notebook(study: Shown, best: Experiment) -> str:
    from nbformat import v4

    wanted = ("metric", "experiments", "agent", "seed", *REPOSITORY)
    settings = {k: v for k, v in study.settings.to_json().items() if k in wanted and v not in ("", [], None)}
    options = " ".join(
        f"--{k.replace('_', '-')} {_quoted(' '.join(v) if isinstance(v, list) else v)}" for k, v in settings.items()
    )
    direction = "" if study.settings.minimize else " --maximize"
    if study.definition.checkout is not None:
        patch = unified_diff(study.experiments[0].target, best.target)
        cells = [
            v4.new_markdown_cell(f"# {study.definition.program.title or study.name}\n\n{result_line(study)}."),
            v4.new_markdown_cell(f"What the best one changes:\n\n{fenced(patch, 'diff')}"),
            v4.new_code_cell("%load_ext autoresearch_magic"),
            v4.new_code_cell(f"%%autoresearch {options}{direction}\n{study.definition.program.text}"),
        ]
        return _as_json(cells)
    cells = [
        v4.new_markdown_cell(f"# {study.definition.program.title or study.name}\n\n{result_line(study)}."),
        v4.new_code_cell("%load_ext autoresearch_magic"),
        v4.new_code_cell(f"%%autoresearch setup\n{study.definition.setup}"),
        v4.new_code_cell(f"%%autoresearch target\n{best.target}"),
        v4.new_code_cell(
            f"%%autoresearch {options} --budget {study.settings.budget}{direction}\n{study.definition.program.text}"
        ),
    ]
    return _as_json(cells)


def _as_json(cells: list[Any]) -> str:
    from nbformat import v4

    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    return json.dumps(notebook, indent=1)


def _source(best: Experiment) -> str:
    """Return the best target as one source.

    Raises
    ------
    UserError
        When it is several files.
    """
    if not is_bundle(best.target):
        return best.target
    found = split(best.target)
    if len(found) == 1:
        return next(iter(found.values()))
    raise UserError(f"The target is {len(found)} files: export it as .patch, or bring it into your branch with  apply")


def _quoted(value: Any) -> str:
    import shlex

    return shlex.quote(str(value))
