"""Experiments that a journal has lost, made again from their commits, from results.tsv and from their logs.

A commit has an experiment's source, verdict, value, words and date; what it lacks (how long a run took, its curve, what an agent
had used) is lost, and the run that is made of it says so in its notes. The table has no sources: from it only the baseline can be
made again, whose source is the study's. Any other experiment is recorded as rejected, with what the table says, so that numbers and
history stay whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..events import RunKind
from ..experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from ..runs import mean
from ..source.edits import fingerprint
from ..source.files import join, match, split
from ..storage.git.history import Recorded
from ..storage.journal import SEARCH
from ..storage.logs import log_bytes, log_path
from ..storage.rows import experiment_values, kept_text, run_values
from ..storage.salvage import Salvaged, Values
from ..text import counted
from .definition import Definition

OF_GIT, OF_TABLE, OF_VALUE, PLACEHOLDER = "git", "results.tsv", "values", "a placeholder"
"""Where rows come from that are in no copy of the journal; `values` are those of the experiments, for runs."""
NOTE = "Made again by a repair: the value is that of all runs together."
"""A note of each run that is made again."""

_OUTCOMES = {
    Verdict.CRASH: Outcome.CRASH, Verdict.TIMEOUT: Outcome.TIMEOUT, Verdict.PRUNED: Outcome.PRUNED,
    Verdict.METRIC_ERROR: Outcome.METRIC_ERROR,
}  # fmt: skip


class Remaker:
    """Completes the rows of one study's journal."""

    def __init__(self, folder: Path, definition: Definition, rows: Salvaged) -> None:
        self._folder, self._definition, self._rows = folder, definition, rows
        self._experiments, self._runs = rows.rows["experiment"], rows.rows["measurement"]

    def remake(self, commits: Mapping[int, Recorded], known: Mapping[int, str]) -> list[str]:
        """Complete the rows; return what was done, one sentence each.

        Parameters
        ----------
        commits : Mapping of int to Recorded
            The commits of experiments that the journal lacks.
        known : Mapping of int to str
            The hashes of all commits.
        """
        table = self._table()
        numbers = {
            *self._experiments, *self._rows.lost.get("experiment", ()), *commits, *range(len(table)),
            *(run["experiment"] for run in self._runs.values()),
        }  # fmt: skip
        by_commit = {sha: number for number, sha in known.items()}
        made: dict[str, list[int]] = {OF_GIT: [], OF_TABLE: [], PLACEHOLDER: []}
        corrected: list[int] = []
        last = max(numbers, default=-1)
        for number in range(last + 1):
            row = self._experiments.get(number)
            if row is not None and number in self._rows.edited and number in commits:
                self._from_git(commits[number], by_commit, row)
                corrected.append(number)
                continue
            if row is not None and (row["verdict"] is not None or (number == last and number not in commits)):
                continue  # whole, or open: a resume goes on with it
            if number in commits:
                self._from_git(commits[number], by_commit, row)
                made[OF_GIT].append(number)
            elif number == 0 and table:
                self._baseline(table[0])
                made[OF_TABLE].append(number)
            else:
                self._placeholder(number, table[number] if number < len(table) else ())
                made[PLACEHOLDER].append(number)
        sentences = [
            f"Source, verdict, value and reason of experiment {number} are those in git." for number in corrected
        ]
        for origin, remade in made.items():
            if remade:
                self._rows.origins["experiment", origin] += len(remade)
                which = f"{'Experiment' if len(remade) == 1 else 'Experiments'} {_numbers(remade)}"
                how = {
                    OF_GIT: "in no copy of the journal: made again from git",
                    OF_TABLE: "in no copy of the journal: made again from results.tsv",
                    PLACEHOLDER: "lost with the source: recorded as rejected, so that the numbers stay whole",
                }[origin]
                sentences.append(f"{which} {'is' if len(remade) == 1 else 'are'} {how}.")
        self._rows.lost["experiment"] = made[PLACEHOLDER]
        if count := self._missing_runs():
            sentences.append(
                f"{counted(count, 'experiment')} had lost all runs: one was made again from the value of each."
            )
        return sentences

    # -- experiments ------------------------------------------------------------------------------------------------

    def _from_git(self, commit: Recorded, by_commit: Mapping[str, int], row: Values | None) -> None:
        parent = by_commit.get(commit.parent) if commit.number else None
        if commit.number and parent is None:
            parent = self._best_before(commit.number)
        target = self._target(commit.files)
        made = Experiment(
            commit.number, parent,
            Proposal(target, commit.summary, commit.hypothesis, agent=commit.agent), fingerprint(target),
        )  # fmt: skip
        values = (
            row
            if row is not None and row["target"] == target
            else experiment_values(made) | {"proposed_at": commit.when}
        )
        self._experiments[commit.number] = values | {
            "verdict": commit.verdict, "reason": kept_text(commit.reason), "value": commit.value, "judged_at": commit.when,
            "commit_sha": commit.sha,
        }  # fmt: skip

    def _target(self, files: Mapping[str, str]) -> str:
        definition = self._definition
        if definition.checkout is None:
            name = definition.target_path.name if definition.target_path else "target.py"
            return files.get(name, definition.target)
        scope = {*split(definition.target), *match(definition.settings.scope, files)}
        return join({path: text for path, text in files.items() if path in scope})

    def _baseline(self, cells: Sequence[str]) -> None:
        """Make the baseline, whose source is known, from its line of the table."""
        target = self._definition.target
        try:
            value: float | None = float(cells[1])
        except (ValueError, IndexError):
            value = None
        made = experiment_values(Experiment(0, None, Proposal(target, "baseline"), fingerprint(target)))
        self._experiments[0] = made | {
            "verdict": Verdict.BASELINE.value, "reason": "Made again from results.tsv.", "value": value, "judged_at": made["proposed_at"],
        }  # fmt: skip

    def _placeholder(self, number: int, cells: Sequence[str]) -> None:
        """Record that an experiment was lost; it has the source of the version that it was proposed against."""
        parent = self._best_before(number)
        target = self._definition.target if parent is None else self._experiments[parent]["target"]
        row = self._experiments.get(number)
        told = f" results.tsv says: {', '.join(cells[1:])}." if cells else ""
        summary = row["summary"] if row else cells[4] if len(cells) > 4 else "lost"
        failure = f"Its record was lost with the journal, and was not to be found again.{told}"
        made = experiment_values(
            Experiment(number, parent, Proposal(target, summary, failure=failure), f"lost-{number}")
        )
        self._experiments[number] = (row or made) | {
            "verdict": Verdict.REJECTED.value, "reason": kept_text(failure), "value": None, "judged_at": made["proposed_at"],
        }  # fmt: skip

    def _best_before(self, number: int) -> int | None:
        kept = (Verdict.BASELINE.value, Verdict.KEEP.value)
        return max((n for n, row in self._experiments.items() if n < number and row["verdict"] in kept), default=None)

    # -- runs -------------------------------------------------------------------------------------------------------

    def _missing_runs(self) -> int:
        """Make a run for each experiment with a value that has none any more; return for how many."""
        have = {run["experiment"] for run in self._runs.values() if run["kind"] in SEARCH}
        ran = (Verdict.BASELINE.value, Verdict.KEEP.value, Verdict.DISCARD.value)
        missing = [
            row for number, row in sorted(self._experiments.items())
            if number not in have and (row["value"] is not None if row["verdict"] in ran else row["verdict"] in _OUTCOMES)
        ]  # fmt: skip
        for row in missing:
            self._runs[max(self._runs, default=0) + 1] = self._run(row)
            self._rows.origins["measurement", OF_VALUE] += 1
        if (gone := self._rows.lost.get("measurement")) is not None:
            self._rows.lost["measurement"] = gone[len(missing) :]
        return len(missing)

    def _run(self, row: Values) -> Values:
        number, verdict = row["number"], Verdict(row["verdict"])
        outcome = _OUTCOMES.get(verdict, Outcome.OK)
        kind: RunKind = "baseline" if number == 0 else "candidate"
        known = [run["seconds"] for run in self._runs.values() if run["seconds"] > 0]
        settings = self._definition.settings
        seconds = mean(known) if known else settings.budget.seconds or 1.0
        output = (log_bytes(log_path(self._folder, number, kind, 0)) or b"").decode("utf-8", "replace")
        m = Measurement(
            outcome, row["value"] if outcome is Outcome.OK else None, settings.seed, seconds=seconds, charged=seconds,
            error="" if outcome is Outcome.OK else row["reason"], output=output, notes=(NOTE,),
        )  # fmt: skip
        return run_values(number, kind, m) | {"id": 0, "made_at": row["judged_at"] or 0.0}

    def _table(self) -> list[list[str]]:
        """Return the lines of results.tsv, which are those of the judged experiments in their order."""
        try:
            text = (self._folder / "results.tsv").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        lines: list[list[str]] = [line.split("\t") for line in text.splitlines()[1:]]
        return [cells for cells in lines if len(cells) == 5]


def _numbers(numbers: Sequence[Any]) -> str:
    return ", ".join(map(str, numbers[:6])) + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")
