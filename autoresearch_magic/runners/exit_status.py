"""What the exit status of a command says about the number that it printed.

A command that fails has no value: a number that it printed before is stale. But tools that look for something use the status to say what
they found. ``grep -c`` prints 0 and ends with 1 when nothing matches, which is the goal of many a study; linters print a count and
end with 1. `ExitRule` knows these, from the command line alone, and says where it cannot tell.

The reverse is as dangerous: ``python check.py 2>&1 | grep -c FAIL`` prints 0 when check.py has crashed. So a count of 0 is no value when a
command at the front of the pipe failed in a way that does not mean that it found something.
"""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..text import shorten
from .safety.policy import innermost
from .safety.shell_parser import SimpleCommand, parse_command

_ONE = frozenset({1})
_GREPS = {"grep", "egrep", "fgrep", "zgrep", "ggrep", "rg", "ag", "ack", "git grep"}
FINDS: dict[str, frozenset[int]] = {
    **dict.fromkeys(_GREPS, _ONE),
    **dict.fromkeys(("diff", "cmp", "git diff", "colordiff", "comm"), _ONE),
    **dict.fromkeys(
        ("ruff", "flake8", "mypy", "pyright", "basedpyright", "bandit", "pycodestyle", "pydocstyle", "pyflakes", "black", "isort", "ty",
         "pip-audit", "interrogate", "xenon", "eslint", "prettier", "jshint", "standard", "shellcheck", "rubocop", "yamllint",
         "hadolint", "markdownlint", "golangci-lint", "staticcheck", "semgrep", "ansible-lint", "npm audit", "tflint"), _ONE,
    ),
    "tsc": frozenset({1, 2}), "vue-tsc": frozenset({1, 2}), "stylelint": frozenset({2}), "vulture": frozenset({3}),
    "codespell": frozenset({65}), "pylint": frozenset(range(2, 32, 2)), "pytest": _ONE,
}  # fmt: skip
"""Programs that look for something, with the exit statuses by which they say that they found it (for ``grep``: that they did not).

pylint's status is a sum of bits: 1 is a fatal message, 32 a wrong use."""
_NO_FINDER = {"pytest"}
"""Of these, programs whose number is not taken when they end with such a status: a failed test is a failure. At the front of a pipe
such a status is no crash."""
_OF_PYTEST = {"failed", "failures", "passed", "error", "errors", "skipped", "xfailed", "xpassed", "warnings"}
"""Metrics that count tests: they are read from a pytest that ends with 1, unlike what a failed test has printed."""
_SILENT = {
    ":", "true", "test", "[", "cd", "export", "set", "source", ".", "mkdir", "touch", "unset", "sleep", "shopt", "ulimit", "umask", "trap",
    "declare", "local", "cp", "mv", "rm", "ln",
}  # fmt: skip
"""Programs that print nothing when they succeed, and no number when they fail."""
_COUNTERS = {"wc"}
_FILTERS = {"tail", "head", "cat", "tee", "sed", "awk", "sort", "uniq", "tr", "cut", "wc", "less", "column", "ts"}
"""Programs that pass on what they read, and end with 0 whatever that is."""
_TIMED_OUT = 124
_SIGPIPE = 128 + signal.SIGPIPE
_CRASHES = (
    r"^Node\.js v\d+", r"^thread '.*' panicked at ", r"^goroutine \d+ \[", r"^Exception in thread \"", r"^Segmentation fault",
    r"^Aborted( \(core dumped\))?$", r"^fatal error: ",
)  # fmt: skip
_TAIL = 40


@dataclass(frozen=True)
class Statuses:
    """The exit statuses of a command's parts, as far as bash has written them down.

    Attributes
    ----------
    pipe : tuple of int
        Those of the commands in the last pipe; empty where they are not known.
    failed : tuple of (str, int)
        Commands before that pipe that failed although nothing asked whether they would, with their statuses.
    """

    pipe: tuple[int, ...] = ()
    failed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class ExitRule:
    """The exit statuses of one command that say something else than failure; see `exit_rule`.

    Attributes
    ----------
    last : tuple of str
        Program and arguments of the command's last simple command, without wrappers such as ``timeout``.
    fronts : tuple of tuple of str
        The same for the commands before it in its pipe.
    doubt : str
        Why the exit status may be that of another command, and what to write instead; empty when it is the last pipe's.
    alone : bool
        Whether nothing runs before that pipe that could fail in silence.
    pipefail : bool
        Whether the exit status is that of any command in the pipe.
    limited : tuple of bool
        Whether each command of the pipe runs under ``timeout``.
    metric : str
        The metric's name.
    """

    last: tuple[str, ...]
    fronts: tuple[tuple[str, ...], ...] = ()
    doubt: str = ""
    alone: bool = True
    pipefail: bool = False
    limited: tuple[bool, ...] = ()
    metric: str = ""

    @property
    def program(self) -> str:
        """The name of the last program; for ``git`` and ``npm`` with the subcommand."""
        return _named(self.last)

    @property
    def counts_matches(self) -> bool:
        """Whether the last program is a ``grep`` that prints how much it found, and ends with 1 when that is 0."""
        return self.program in _GREPS and _has(self.last, "c", "--count", "--count-matches")

    @property
    def silent_at_zero(self) -> bool:
        """Whether that ``grep`` prints nothing in place of a 0."""
        silent = self.program in ("rg", "ag", "ack", "git grep") and "--include-zero" not in self.last
        return self.counts_matches and silent

    @property
    def counter(self) -> bool:
        """Whether the last program counts what others wrote: to it, a crash and a clean result look alike."""
        return self.counts_matches or self.program in _COUNTERS

    @property
    def found(self) -> frozenset[int]:
        """The exit statuses of the last program, other than 0, with which a printed number is a value."""
        if self.program in _GREPS and not self.counts_matches:
            return frozenset()
        if self.program == "pytest" and self.metric.lower() in _OF_PYTEST:
            return _ONE
        return _found(self.last)

    @property
    def always_passes(self) -> str:
        """Why the command ends with 0 even if what it checks fails, and what to write instead; empty when it does not."""
        if not self.fronts or self.pipefail or self.program not in _FILTERS:
            return ""
        front = _named(self.fronts[0])
        return f"its exit status is that of {self.program}, not of {front}: write  set -o pipefail;  before it"

    def accepts(self, status: int, statuses: Statuses) -> bool:
        """Return whether a number that was printed counts although the command ended with `status`, which is not 0."""
        if self.doubt:
            return False
        if not statuses.pipe:  # not bash, or killed
            return status in self.found and not self.fronts
        if statuses.pipe[-1]:
            return statuses.pipe[-1] == status and status in self.found
        # With `set -o pipefail` the status is that of a command at the front; else of an `exit` or the like.
        return self.pipefail and all(each in _found(front) | {0, _SIGPIPE} for front, each in self._fronts(statuses))

    def _fronts(self, statuses: Statuses) -> list[tuple[tuple[str, ...], int]]:
        """Return the commands at the front of the last pipe with their statuses; nameless where they were not recognised."""
        pipe = statuses.pipe
        names = self.fronts if len(pipe) == 1 + len(self.fronts) else ((),) * (len(pipe) - 1)
        return list(zip(names, pipe, strict=False))

    def crash(self, status: int, statuses: Statuses, output: str) -> str:
        """Return why a run has crashed, whatever number it printed; empty when it is not known to have.

        A command is missing or was killed, also at the front of a pipe, or it failed and its output ends in a traceback.
        """
        if status and (reason := _killed(status)):
            return f"The command {reason} (exit status {status})."
        if status == _TIMED_OUT and self.limited[-1:] == (True,):
            return f"The command was ended by timeout (exit status {status})."
        if len(statuses.pipe) == len(self.limited):
            for front, each, limited in zip(self.fronts, statuses.pipe, self.limited, strict=False):
                if limited and each == _TIMED_OUT:
                    return f"{_shown(front)}, at the front of the pipe, was ended by timeout (exit status {each})."
        fronts = [(front, each) for front, each in self._fronts(statuses) if each not in (0, _SIGPIPE)]
        for front, each in fronts:
            if reason := _killed(each):
                return f"{_shown(front)}, at the front of the pipe, {reason} (exit status {each})."
        if (status or fronts) and (line := crash_line(output)):
            return f"The command ended with exit status {status or fronts[-1][1]}: {shorten(line, 200)}"
        return ""

    def empty_count(self, statuses: Statuses) -> str:
        """Return why a count of 0 is no value: a command whose output was counted has failed. Empty when it is one."""
        if not self.counter:
            return ""
        before = [(innermost_of(text), status) for text, status in statuses.failed]
        for words, status in [*self._fronts(statuses), *before]:
            if status not in FINDS.get(_named(words), frozenset()) | {0, _SIGPIPE}:
                return (
                    f"{_shown(words)} ended with exit status {status}, and {self.program} counted 0 in what it wrote: this is taken for a "
                    "crash, not for a result."
                )
        return ""

    def describe(self) -> str:
        """Return which exit statuses count, in one line."""
        finders = (
            [self.last] if self.found else [front for front in self.fronts if _found(front)] if self.pipefail else []
        )
        of = "" if not self.fronts or self.pipefail else " (of a pipe, that of its last command)"
        empty = f" A count of 0 is a crash if {_shown(self.fronts[0])} failed." if self.counter and self.fronts else ""
        if not finders:
            return f"Exit status: 0 counts{of}; any other is a crash.{empty}"
        name, numbers = _named(finders[0]), _numbers(_found(finders[0]))
        meaning = (
            "when it counts 0"
            if self.counts_matches
            else "when it finds " + ("nothing" if name in _GREPS else "something")
        )
        if self.doubt:
            return f"Exit status: only 0 counts. {name} ends with {numbers} {meaning}, but {self.doubt}."
        return f"Exit status: 0 counts, and {numbers} of {name}, with which it ends {meaning}; any other is a crash.{empty}"


def exit_rule(command: str, metric: str = "") -> ExitRule:
    """Return what the exit statuses of a command mean, judging by its last pipe and the metric's name."""
    pipelines = parse_command(command)
    if not pipelines:
        return ExitRule(())
    *before, last = pipelines
    inner = [innermost(each) for each in last]
    if len(inner) == 1 and inner[0][:1] and inner[0][0] in ("sh", "bash", "zsh", "dash") and not before:
        texts = [word for word in inner[0][1:] if not word.startswith("-") and word not in ("pipefail", "errexit")]
        if _has(inner[0], "c") and len(texts) == 1:
            rule = exit_rule(texts[0], metric)
            hidden = f"the exit statuses of the pipe are hidden in {inner[0][0]} -c: write the pipe without that"
            return replace(rule, doubt=hidden) if rule.fronts else rule
    strict = any(_sets(each, "e", "errexit") for pipeline in before for each in pipeline)
    chain: list[list[SimpleCommand]] = []
    operator = last[0].operator
    for pipeline in reversed(before):
        if operator != "&&" and not strict and not (chain and operator == "||"):
            break
        chain.append(pipeline)
        operator = pipeline[0].operator
    ends = [each for pipeline in before for each in pipeline if innermost(each)[:1] == ("exit",)]
    other = next(iter([*ends, *(pipeline[-1] for pipeline in chain if not _silent(pipeline[-1]))]), None)
    doubt = ""
    if other is not None:
        text = shorten(" ".join(word.text for word in other.words), 40)
        doubt = f"so may {text} before it: write ; between them, or send the output of that to a file"
    alone = all(innermost(each)[:1] in ((), ("cd",), ("set",)) for pipeline in before for each in pipeline)
    pipefail = any(_sets(each, "", "pipefail") for pipeline in before for each in pipeline)
    limited = tuple(any(word.text in ("timeout", "gtimeout") for word in each.words) for each in last)
    return ExitRule(inner[-1], tuple(inner[:-1]), doubt, alone, pipefail, limited, metric)


def read_statuses(text: str, status: int) -> Statuses:
    """Read the statuses that `Shell.arguments` makes bash write down.

    Parameters
    ----------
    text : str
    status : int
        The command's exit status: unless it is 0, the last failure is that of the last pipe.
    """
    pipe: tuple[int, ...] = ()
    failed: list[tuple[str, int]] = []
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "pipe":
            pipe = tuple(int(each) for each in rest.split() if each.isdigit())
        elif kind == "failed" and (found := re.match(r"(\d+) (.*)", rest)):
            try:
                failed.append((" ".join(shlex.split(found[2])), int(found[1])))
            except ValueError:
                failed.append((found[2], int(found[1])))
    if status and failed and failed[-1][1] == status:
        failed.pop()
    return Statuses(pipe, tuple(failed))


def innermost_of(text: str) -> tuple[str, ...]:
    """Return program and arguments of a simple command given as text; see `policy.innermost`."""
    pipelines = parse_command(text)
    return innermost(pipelines[-1][-1]) if pipelines else ()


def crash_line(output: str) -> str:
    """Return the line that says what was raised, when the output ends in a traceback or another report of a crash."""
    lines = output.rstrip().splitlines()
    for line in lines[-_TAIL:]:
        if any(re.match(pattern, line) for pattern in _CRASHES):
            raised = next(
                (each for each in reversed(lines[-_TAIL:]) if re.match(r"(Uncaught )?\w*Error\b.*:", each)), line
            )
            return (raised if line.startswith("Node.js") else line).strip()
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return ""
    rest = lines[starts[-1] + 1 :]
    at = next((i for i, line in enumerate(rest) if line[:1].strip()), None)
    if at is None or not re.match(r"[\w.]+(:|$)", rest[at]):
        return ""
    # A message may have several lines, but after an empty one somebody else is speaking, such as unittest with its summary.
    return "" if any(not line.strip() for line in rest[at:]) else rest[at].strip()


def _killed(status: int) -> str:
    if status == 127:
        return "was not found"
    if status == 126:
        return "cannot be executed"
    try:
        return f"was killed by {signal.Signals(status - 128).name}" if status > 128 else ""
    except ValueError:
        return ""


def _named(words: Sequence[str]) -> str:
    if not words:
        return ""
    if words[0] in ("git", "npm"):
        return " ".join([words[0], *[word for word in words[1:] if not word.startswith("-")][:1]])
    return words[0]


def _found(words: Sequence[str]) -> frozenset[int]:
    return frozenset() if _named(words) in _NO_FINDER else FINDS.get(_named(words), frozenset())


def _shown(words: Sequence[str]) -> str:
    return shorten(" ".join(words), 40) or "A command"


def _numbers(numbers: frozenset[int]) -> str:
    listed = [str(number) for number in sorted(numbers)]
    return f"{listed[0]} to {listed[-1]}" if len(listed) > 3 else " or ".join(listed)


def _has(words: Sequence[str], letter: str, *options: str) -> bool:
    """Whether an option is among the words: ``-c`` also within ``-rc``, for one letter."""
    return any(
        re.fullmatch(rf"-[A-Za-z]*{letter}[A-Za-z0-9]*", word) is not None or word in options for word in words[1:]
    )


def _sets(command: SimpleCommand, letter: str, option: str) -> bool:
    words = [word.text for word in command.words]
    return words[:1] == ["set"] and (option in words or (bool(letter) and _has(words, letter)))


def _silent(command: SimpleCommand) -> bool:
    program = innermost(command)
    if command.prints_nothing or not program or program[0] in _SILENT or program[:2] == ("command", "-v"):
        return True
    return any(
        r.operator in (">", ">>", ">|", "&>", "&>>")
        and r.number in ("", "1")
        and not r.word.text.startswith("/dev/std")
        for r in command.redirections
    )
