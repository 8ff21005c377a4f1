"""What test runners say at their end of how many tests they ran: an exit status of 0 alone shows that something ended, not that tests ran.

The summaries of the unchanged version are the measure: where it prints any, another version's must show as many tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_PASSED = {"passed", "pass", "passing", "xfailed", "xpassed", "ok", "successes"}
_FAILED = {"failed", "fail", "failing", "error", "errors", "failures", "failure", "broken"}
_LEFT_OUT = {"skipped", "deselected", "pending", "todo", "ignored", "filtered", "cancelled", "flaky"}

_WORDS = {
    "pytest": r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+ ?s(?:econds)?\b.*$",
    "jest": r"^Tests:\s+((?:\d+ [a-z]+(?:, )?)+)$",
    "vitest": r"^\s*Tests\s+((?:\d+ [a-z]+(?: \| )?)+) \(\d+\)",
    "mocha": r"^\s+(\d+ (?:passing|pending|failing))\b.*$",
    "bun": r"^\s+(\d+ (?:pass|fail|skip|todo))$",
    "cargo": r"^test result: \w+\. ((?:\d+ [a-z]+(?: out)?(?:; )?)+)",
    "deno": r"^(?:ok|FAILED) \| ((?:\d+ [a-z]+(?: \([^)]*\))?(?: \| )?)+)",
    "playwright": r"^\s+(\d+ (?:passed|failed|skipped|flaky)) ?(?:\(.*\))?$",
    "ava": r"^\s+(\d+) tests? (passed|failed|skipped|todo)$",
}
"""Runners whose summaries are counts with words, each with the pattern of a line; several lines add up."""
_NUMBERS = {
    "unittest": r"^Ran (?P<total>\d+) tests? in [\d.]+s$(?:\s*^(?:OK|FAILED)(?: \((?P<rest>[^)]*)\))?$)?",
    "node": r"^(?:# |ℹ )tests (?P<total>\d+)$(?:[\s\S]{0,200}?^(?:# |ℹ )fail (?P<failed>\d+)$)?(?:[\s\S]{0,200}?^(?:# |ℹ )skipped (?P<left>\d+)$)?",
    "ctest": r"^\d+% tests passed, (?P<failed>\d+) tests? failed out of (?P<total>\d+)",
    "phpunit": r"^OK \((?P<total>\d+) tests?, \d+ assertions?\)|^Tests: (?P<total2>\d+), Assertions: \d+(?P<rest>.*)$",
    "rspec": r"^(?P<total>\d+) examples?, (?P<failed>\d+) failures?(?:, (?P<left>\d+) pending)?",
    "exunit": r"^(?P<total>\d+) tests?, (?P<failed>\d+) failures?(?:, (?P<left>\d+) (?:skipped|excluded))?",
    "dotnet": r"^\w+!\s+- Failed:\s+(?P<failed>\d+), Passed:\s+\d+, Skipped:\s+(?P<left>\d+), Total:\s+(?P<total>\d+)",
    "maven": r"Tests run: (?P<total>\d+), Failures: (?P<failed>\d+), Errors: (?P<errors>\d+), Skipped: (?P<left>\d+)",
}  # fmt: skip
_GO = re.compile(r"^(ok|FAIL|---\s+(?:PASS|FAIL|SKIP):)\s+\S+(.*)$", re.MULTILINE)
_TAP = re.compile(r"^(ok|not ok) \d+(.*)$", re.MULTILINE)
_ENDED = {
    "failures": "failed",
    "errors": "failed",
    "skipped": "left",
    "expected failures": "",
    "unexpected successes": "failed",
}


@dataclass(frozen=True)
class Counts:
    """What a runner says of its tests.

    Attributes
    ----------
    passed, failed, left_out : int
        Left out are those that were skipped, deselected or are pending.
    """

    passed: int = 0
    failed: int = 0
    left_out: int = 0

    @property
    def total(self) -> int:
        """The tests that ran."""
        return self.passed + self.failed

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.left_out + other.left_out)


def read_summaries(output: str) -> dict[str, Counts]:
    """Return the counts of each runner whose summary an output has; of runners that have run no test, none."""
    text = _ESCAPES.sub("", output).replace("\r\n", "\n")
    found: dict[str, Counts] = {}
    for name, pattern in _WORDS.items():
        for match in re.finditer(pattern, text, re.MULTILINE):
            found[name] = found.get(name, Counts()) + _of_words(" ".join(match.groups()))
    for name, pattern in _NUMBERS.items():
        for match in re.finditer(pattern, text, re.MULTILINE):
            found[name] = found.get(name, Counts()) + _of_numbers(match.groupdict())
    for name, lines, passed in (("go", _GO, ("ok", "--- PASS:")), ("TAP", _TAP, ("ok",))):
        for match in lines.finditer(text):
            if "[no test" in match[2]:
                continue
            first = " ".join(match[1].split())
            left = "SKIP" in first or "# skip" in match[2].lower()
            counts = Counts(left_out=1) if left else Counts(passed=1) if first in passed else Counts(failed=1)
            found[name] = found.get(name, Counts()) + counts
    return {name: counts for name, counts in found.items() if counts.total or counts.left_out}


def _of_words(text: str) -> Counts:
    passed = failed = left = 0
    for number, word in _COUNT.findall(text):
        passed += int(number) * (word in _PASSED)
        failed += int(number) * (word in _FAILED)
        left += int(number) * (word in _LEFT_OUT or word == "skip")
    return Counts(passed, failed, left)


def _of_numbers(groups: Mapping[str, str | None]) -> Counts:
    value = {name: int(text) for name, text in groups.items() if text and text.isdigit()}
    failed, left = value.get("failed", 0) + value.get("errors", 0), value.get("left", 0)
    for name, number in re.findall(r"([A-Za-z ]+?)\s*[=:]\s*(\d+)", groups.get("rest") or ""):
        kind = _ENDED.get(name.strip().lower(), "")
        failed += int(number) * (kind == "failed")
        left += int(number) * (kind == "left")
    total = value.get("total", value.get("total2", 0))
    return Counts(max(0, total - failed - left), failed, left)


def lacking(before: Mapping[str, Counts], now: Mapping[str, Counts], *, passed: bool) -> str:
    """Return why a run's tests are not those of the unchanged version; empty where they are, or where that printed no summary.

    Parameters
    ----------
    before, now : Mapping of str to Counts
        `read_summaries` of the unchanged version's output and of this one.
    passed : bool
        Whether as many tests must have passed, as for a guard; else as many must have run.
    """
    for name, wanted in before.items():
        if not wanted.total:
            continue
        found = now.get(name)
        if found is None:
            return f"no summary of {name} was printed, and the unchanged version's shows {wanted.total} tests"
        if (found.passed if passed else found.total) < (wanted.passed if passed else wanted.total):
            kind = "passed" if passed else "ran"
            count, of = (found.passed, wanted.passed) if passed else (found.total, wanted.total)
            return f"{count} tests {kind} by {name}'s summary, and {of} of the unchanged version"
        if passed and found.left_out > wanted.left_out:
            return f"{name}'s summary shows {found.left_out} tests left out, and {wanted.left_out} of the unchanged version"
    return ""
