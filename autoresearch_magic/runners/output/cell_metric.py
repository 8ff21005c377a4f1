"""The metric of a cell that is read from what the target prints, by the same formats as that of a command.

A cell's metric is a Python expression. Where it is a name that neither setup nor target defines, the line that names it is
read. Where it is a format, such as ``loss=last`` or ``loss=re:loss (.*)``, it is always read from the output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...metric import Metric, parse_metric, split_direction
from ...syntax import syntax_tree
from .metric_reader import FORMATS, MetricFormat, ReadingRule, parse_rule, parse_verified_metric, read_named_line
from .named_lines import visible_lines
from .readings import Reading, RunOutput

_WITH_ARGUMENT = re.compile(rf"\s*[^=:]+=\s*(?:{'|'.join(k for k, f in FORMATS.items() if ':' in f.usage)})\s*:")
_WORDS = re.compile(r"[A-Za-z_]\w*(?:[ \t]+\w+)+(?:[ \t]*%)?")
_CHOICES = ("last", "first", "max", "min", "mean", "lines")
"""Formats that are Python names as well. Those that Python does not define are read only where the expression has no value."""


@dataclass(frozen=True)
class PrintedMetric:
    """How the metric of a cell is read from the output.

    Attributes
    ----------
    name : str
        The name that lines are searched for.
    rule : ReadingRule
    always : bool
        Whether there is nothing to evaluate; else the output is read only where the expression's name is not defined.
    """

    name: str
    rule: ReadingRule
    always: bool

    def read(self, output: str, *, folder: Path, since: float, seconds: float = 0.0) -> Reading:
        """Read the metric from the output of a run.

        Raises
        ------
        Unreadable
            When there is no value, or more than one that could be meant.
        """
        return self.rule.read(RunOutput(visible_lines(output), self.name, folder, since, 0, seconds))


def parse_cell_metric(text: str) -> tuple[str, str, bool | None]:
    """Parse the metric of a cell: a Python expression (`parse_metric`), or ``NAME=FORMAT`` where that is no Python.

    Words such as ``test accuracy`` are no Python either: they are the name of a printed line, in which blanks are underscores.

    Raises
    ------
    UserError
        When it is empty, neither Python nor a format, or a format that can never work.
    """
    bare, minimize = split_direction(text)
    if _WORDS.fullmatch(bare) and not _is_python(bare):
        name = "_".join(bare.removesuffix("%").split())
        return name, name, minimize
    if not _WITH_ARGUMENT.match(bare):
        return parse_metric(text)
    name, expression, minimize = parse_verified_metric(text)
    parse_rule(expression)
    return name, expression, minimize


def _is_python(text: str) -> bool:
    try:
        syntax_tree(text, "eval")
    except SyntaxError:
        return False
    return True


def printed_metric(metric: Metric) -> PrintedMetric | None:
    """Return how a cell's metric is read from the output; None where only its expression counts."""
    expression = metric.expression.strip()
    if expression.partition(":")[0].strip() in FORMATS and ":" in expression:
        return PrintedMetric(metric.name, parse_rule(expression), True)
    if expression in _CHOICES and expression != metric.name:
        return PrintedMetric(metric.name, parse_rule(expression), expression in ("max", "min"))
    if expression.isidentifier():
        return PrintedMetric(expression, NAMED_LINE, False)
    return None


NAMED_LINE = ReadingRule(MetricFormat("", "the line that names it", lambda _: read_named_line), "", read_named_line)
"""The line that names the metric, and nothing else."""
