"""The total of a coverage table: ``All files | 85.2 | 78.1 | 90 | 85.5 |`` of Istanbul, ``TOTAL  1234  56  95%`` of coverage.py.

Istanbul's table (jest, vitest, nyc, c8) has four percentages in its row for all files. The coverage is that of the statements, the
first, as in coverage.py and in Istanbul's summary of four lines; a metric called branches, functions or lines reads its own column.
"""

from __future__ import annotations

import re

from .numbers import Quantity, quantities

_COLUMNS = ("stmts", "branch", "funcs", "lines")
"""Istanbul's columns in their order, for a row whose heading was cut off by grep."""
_SPELLINGS = {
    "": "stmts", "all files": "stmts", "test": "stmts", "code": "stmts", "total": "stmts", "stmt": "stmts", "statement": "stmts",
    "statements": "stmts", "branches": "branch", "func": "funcs", "function": "funcs", "functions": "funcs", "line": "lines",
}  # fmt: skip
_ISTANBUL = re.compile(r"\s*+All files\s*+\|")
_TOTAL = re.compile(r"\s*+TOTAL\s++(?:[0-9]++\s++)++([0-9]+(?:\.[0-9]+)?)%\s*+")
_SUMMARY = re.compile(r"\s*+Statements\s*+:\s*+([0-9]+(?:\.[0-9]+)?)\s*+%")
_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*")


def table_total(lines: list[str], name: str) -> list[tuple[Quantity, int, str]]:
    """Return the percentages of the totals of coverage tables that the metric `name` means.

    Returns
    -------
    list of (Quantity, int, str)
        Each with the number of its line, from 1, and the line.
    """
    words = re.sub(r"[\s_%-]+", " ", name.lower()).strip()
    named_coverage = bool(re.search(r"(?<![a-z])cov(?:erage)?(?![a-z])", words))
    words = re.sub(r"\s*(?<![a-z])(?:cov(?:erage)?|percent(?:age)?|pct)(?![a-z])\s*", " ", words).strip()
    column = _SPELLINGS.get(words, words)
    found: list[tuple[Quantity, int, str]] = []
    if column not in _COLUMNS or (not words and not named_coverage):
        return found
    heading: tuple[str, ...] = ()
    for number, line in enumerate(lines, start=1):
        if "|" in line and "% Stmts" in line:
            heading = tuple(cell.strip(" %").lower() for cell in line.split("|")[1:])
        elif start := _ISTANBUL.match(line):
            names = heading or _COLUMNS
            at = start.end()
            for title, cell in zip(names, line[at:].split("|"), strict=False):
                if title == column and (percent := _PERCENT.fullmatch(cell)):
                    begin = at + percent.start(1)
                    found.append(
                        (Quantity(f"{percent[1]}%", percent[1], "%", begin, begin + len(percent[1])), number, line)
                    )
                at += len(cell) + 1
        elif not named_coverage or words not in ("", "test", "code", "total"):
            continue
        elif total := _TOTAL.fullmatch(line):
            found.append((Quantity(f"{total[1]}%", total[1], "%", total.start(1), total.end(1) + 1), number, line))
        elif _SUMMARY.match(line):
            found.append((next(quantities(line)), number, line))
    return found
