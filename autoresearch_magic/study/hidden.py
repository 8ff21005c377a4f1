"""What the user hides from agents (``--hide``): files of the repository, or the body of a cell's setup.

Their names are told, their contents are not: neither in the briefing's sources, nor in tracebacks and output, where a line that is also
a line of something hidden is withheld. What a command prints in words of its own cannot be told apart.

Not here: an agent that is a program of its own on this machine can open the files itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ..experiment import Experiment, Measurement
from ..source.files import join, match, split
from ..source.signatures import signatures
from ..storage.git.command import GitFailed, git
from .definition import Definition

SHORTEST = 8
"""Characters from which a line is taken for one of a hidden file; shorter ones, such as ``else:``, are everywhere."""
CONTAINED = 400
"""Most lines of hidden files that are also looked for inside of longer lines."""
LARGEST = 4_000_000
"""Characters of a hidden file that are looked for."""
MESSAGE = 40
"""Characters by which the message of an exception is found again in a summary."""
WITHHELD = "[a line of what is hidden]"

_MARKS = re.compile(r"^(?:[>E|]\s+|\d+\s*[:|]\s*|[\w./-]+:\d+:\s*)+")
"""What test runners and linters put in front of a source line."""
_FRAME = re.compile(r'File "([^"]+)", line \d+')
_ERROR = re.compile(r"\s*((?:[A-Za-z_]\w*\.)*[A-Z]\w*): (\S.*)")
_OF_SETUP = re.compile(r"\(line \d+ of the setup\)$")
_STRING = re.compile(r"""\"([^"\n]+)\"|'([^'\n]+)'""")


@dataclass(frozen=True)
class Hidden:
    """What is hidden: names to tell, and the lines that must not be shown.

    Attributes
    ----------
    names : tuple of str
        Paths, or ``setup``.
    setup : str
        The definition's setup as agents may see it.
    lines : frozenset of str
        Lines of hidden files, and strings in them.
    """

    names: tuple[str, ...]
    setup: str
    lines: frozenset[str]

    def clean(self, text: str, *around: str) -> str:
        """Return a text without what is hidden.

        Withheld are lines of hidden files, strings that stand in them, the values in a failed test's report (``E  assert 3 == 4``), and
        the message of an exception that a hidden file raised.

        Parameters
        ----------
        text : str
        *around : str
            Longer texts of the same run, whose tracebacks say where an exception in `text` comes from.
        """
        if not text:
            return text
        of_test = any(name in text for name in self.names)
        raised = {message for each in (text, *around) for message in self._raised(each)}
        for kind, message in raised:
            # A summary may have cut the message.
            text = re.sub(rf"\b{kind}: {re.escape(message[:MESSAGE])}[^\n]*", f"{kind}: {WITHHELD}", text)
        return "\n".join(self._clean_line(line, of_test) for line in text.split("\n"))

    def _raised(self, text: str) -> list[tuple[str, str]]:
        """Return the types and messages of the exceptions that hidden code raised, by the tracebacks in a text."""
        here, found = False, []
        for line in text.split("\n"):
            if frame := _FRAME.search(line):
                here = self._is_hidden(frame[1])
            if (error := _ERROR.match(line)) and (here or _OF_SETUP.search(line)):
                found.append((error[1], error[2]))
        return found

    def _is_hidden(self, path: str) -> bool:
        return any(path.strip("<>") == name or f"/{path}".endswith(f"/{name}") for name in self.names)

    def _clean_line(self, line: str, of_test: bool) -> str:
        bare = _MARKS.sub("", line.strip()).strip()
        if of_test and re.match(r"E\s", line):
            return WITHHELD
        contained = len(self.lines) <= CONTAINED and any(each in line for each in self.lines)
        return WITHHELD if bare in self.lines or contained else line

    def clean_experiment(self, e: Experiment) -> Experiment:
        """Return an experiment whose reason, tracebacks, output, notes and files show nothing that is hidden."""
        around = [text for m in e.measurements for text in (m.traceback, m.output)]
        runs = tuple(self._clean_run(m) for m in e.measurements)
        return replace(e, reason=self.clean(e.reason, *around), measurements=runs)

    def _clean_run(self, m: Measurement) -> Measurement:
        return replace(
            m, error=self.clean(m.error, m.traceback, m.output), traceback=self.clean(m.traceback), output=self.clean(m.output),
            numbers={name: value for name, value in m.numbers.items() if not _shows(self.lines, name)},
            notes=tuple(self.clean(note, m.traceback, m.output) for note in m.notes),
            artifacts={path: self.clean(text) for path, text in m.artifacts.items() if not self._is_hidden(path)},
        )  # fmt: skip


def hidden_of(definition: Definition) -> Hidden | None:
    """Return what a study hides from its agents; None when that is nothing."""
    hide, checkout = definition.settings.hide, definition.checkout
    if not hide:
        return None
    if checkout is None:
        return Hidden(
            ("setup",), signatures(definition.setup), _lines((definition.setup,)) - _lines((definition.target,))
        )
    names = tuple(match(hide, checkout.tracked))
    shown = {path: content for path, content in split(definition.setup).items() if path not in names}
    visible = _lines((*shown.values(), definition.target))
    return Hidden(
        names,
        join(shown) if shown else "",
        hidden_lines(checkout.folder, checkout.commit, names) - visible - {*checkout.tracked},
    )


@lru_cache(maxsize=4096)
def _shows(lines: frozenset[str], name: str) -> bool:
    """Whether the name of a number holds a hidden line or string, such as a key of a hidden dictionary."""
    return any(each in name for each in lines)


@lru_cache(maxsize=16)
def hidden_lines(top: Path, commit: str, names: tuple[str, ...]) -> frozenset[str]:
    """Return the lines of a commit's files, and the strings in them, that are long enough to be told from others."""
    contents = []
    for name in names:
        try:
            contents.append(git(top, "show", f"{commit}:{name}")[:LARGEST])
        except (GitFailed, UnicodeDecodeError):
            continue  # a submodule, or data that are no text
    return _lines(tuple(contents))


def _lines(contents: tuple[str, ...]) -> frozenset[str]:
    lines = [line.strip() for content in contents for line in content.splitlines()]
    strings = [found[1] or found[2] for content in contents for found in _STRING.finditer(content)]
    return frozenset(
        each for each in (*lines, *strings) if len(each) >= SHORTEST and not each.startswith(("import ", "from "))
    )
