"""A shell command, read into its simple commands: enough of the grammar to see what would be run.

Understood are quotes, backslashes, comments, pipelines and lists, redirections, here-documents, ``$(...)``, backticks,
``<(...)`` and variables that the command itself sets. Nothing is run, expanded against the disk or looked up.

Not here: what a command means (`seatbelt`), arithmetic, arrays, aliases, globs. What is malformed is read as far as it
goes: a shell would refuse it, and nothing would happen.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

UNKNOWN = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in a word's text for what cannot be known before it is run: an output, an unset variable."""

_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_SIGNS = re.compile(r"&>>?|<<<|<<-?|<>|<&|>>|>\||>&|[<>]")
_OPERATORS = re.compile(r"&&|\|\||;;&?|\|&|[;&|()]")
_NEVER_COMMANDS = {"for", "case", "select", "function"}
_KEYWORDS = {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "{", "}", "!", "time", "[["}


@dataclass(frozen=True)
class Word:
    """One word.

    Attributes
    ----------
    text : str
        Without its quotes; `UNKNOWN` for each part that is not known.
    runs : tuple of str
        The commands that run to make it: the insides of its ``$(...)``, backticks and ``<(...)``.
    bare : bool
        Whether nothing in it is quoted.
    """

    text: str
    runs: tuple[str, ...] = ()
    bare: bool = True


@dataclass(frozen=True)
class Redirection:
    """Where a command's output goes, or its input comes from: a sign such as ``>`` or ``<<``, and the word behind it."""

    sign: str
    word: Word


@dataclass(frozen=True)
class Simple:
    """A simple command.

    Attributes
    ----------
    words : tuple of Word
        The program and its arguments.
    assignments : mapping
        The variables set in front of it.
    redirections : tuple of Redirection
    given : str
        The text of its here-documents and here-strings.
    runs : tuple of str
        Commands that run to make its words, redirections, assignments and given text.
    variables : mapping
        What is known of variables where it stands.
    """

    words: tuple[Word, ...]
    assignments: Mapping[str, str] = field(default_factory=dict)
    redirections: tuple[Redirection, ...] = ()
    given: str = ""
    runs: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def read_command(text: str, variables: Mapping[str, str] | None = None) -> list[list[Simple]]:
    """Read a command into pipelines, each a list of simple commands, in the order in which they are written.

    Parameters
    ----------
    text : str
        What would be given to ``sh -c``.
    variables : mapping, optional
        What is known of variables already.
    """
    return _Reader(text, {"IFS": " ", **(variables or {})}).read()


def unquoted(text: str) -> str:
    """Return a command with everything inside quotes, and every escaped character, blotted out by ``q``."""
    parts: list[str] = []
    i = 0
    while i < len(text):
        end = _quoted_end(text, i)
        parts.append(text[i] if end == i + 1 else "q" * (end - i))
        i = end
    return "".join(parts)


class _Draft:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self.words: list[Word] = []
        self.redirections: list[Redirection] = []
        self.given: list[str] = []
        self.runs: list[str] = []
        self.variables = variables

    def build(self) -> Simple | None:
        words = list(self.words)
        assignments: dict[str, str] = {}
        while words:
            found = _ASSIGNMENT.match(words[0].text)
            if words[0].bare and words[0].text in _KEYWORDS:
                timed = words.pop(0).text == "time"
                if timed and words and words[0].text == "-p":
                    words.pop(0)
            elif words[0].bare and words[0].text in _NEVER_COMMANDS:
                words.clear()
            elif found:
                assignments[found[1]] = found[2]
                words.pop(0)
            else:
                break
        if not (words or assignments or self.redirections or self.runs):
            return None
        return Simple(
            tuple(words), assignments, tuple(self.redirections), "\n".join(self.given), tuple(self.runs), self.variables
        )


class _Reader:
    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self._text, self._at, self._variables = text, 0, variables
        self._done: list[list[_Draft]] = []
        self._pipeline: list[_Draft] = []
        self._draft = _Draft(dict(variables))
        self._sign = ""  # a redirection that waits for its word
        self._waiting: list[tuple[_Draft, Word, bool]] = []  # here-documents whose text comes after the line
        self._start_word()

    def read(self) -> list[list[Simple]]:
        while self._at < len(self._text):
            self._step()
        self._end_pipeline()
        built = [[simple for draft in pipeline if (simple := draft.build())] for pipeline in self._done]
        return [pipeline for pipeline in built if pipeline]

    # -- one step -----------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        text, at = self._text, self._at
        c = text[at]
        if c == "\n":
            self._end_pipeline()
            self._at += 1
            self._here_documents()
        elif c in " \t\r":
            self._end_word()
            self._at += 1
        elif c == "#" and not self._begun:
            end = text.find("\n", at)
            self._at = len(text) if end < 0 else end
        elif text.startswith(("<(", ">("), at):
            self._substitute(at + 1)
        elif sign := _SIGNS.match(text, at):
            self._redirect(sign[0])
        elif operator := _OPERATORS.match(text, at):
            self._at = operator.end()
            self._end_simple()
            if operator[0] not in ("|", "|&"):
                self._end_pipeline()
        else:
            self._character(quoted=False)

    def _character(self, *, quoted: bool) -> None:
        """Take one character, or what begins with it, into the word."""
        text, at = self._text, self._at
        c = text[at]
        self._begun = True
        if c == "\\":
            self._bare = False
            following = text[at + 1 : at + 2]
            self._at += 2
            if following != "\n":
                keep = quoted and following not in ("$", "`", '"', "\\")
                self._parts.append("\\" + following if keep else following)
        elif c == "`":
            end = re.compile(r"(?:[^\\`]|\\.)*", re.DOTALL).match(text, at + 1)
            assert end is not None
            self._ran(end[0].replace("\\`", "`"))
            self._at = end.end() + 1
        elif c == "$":
            self._dollar(quoted=quoted)
        elif c == "'" and not quoted:
            self._bare = False
            end_at = _quoted_end(text, at)
            self._parts.append(text[at + 1 : end_at - 1])
            self._at = end_at
        elif c == '"' and not quoted:
            self._bare = False
            self._at += 1
            while self._at < len(text) and text[self._at] != '"':
                self._character(quoted=True)
            self._at += 1
        else:
            self._parts.append(c)
            self._at += 1

    def _dollar(self, *, quoted: bool) -> None:
        text, at = self._text, self._at
        if text.startswith("$'", at) and not quoted:
            self._bare = False
            end = re.compile(r"(?:[^\\']|\\.)*", re.DOTALL).match(text, at + 2)
            assert end is not None
            self._parts.append(_unescaped(end[0]))
            self._at = end.end() + 1
        elif text.startswith("$((", at):
            self._at = _closing(text, at + 1)
            self._parts.append(UNKNOWN)
        elif text.startswith("$(", at):
            self._substitute(at + 1)
        elif text.startswith("${", at):
            end_at = text.find("}", at)
            end_at = len(text) if end_at < 0 else end_at
            name = _NAME.match(text, at + 2)
            self._variable(name[0] if name else "", quoted=quoted)
            self._at = end_at + 1
        elif name := _NAME.match(text, at + 1):
            self._variable(name[0], quoted=quoted)
            self._at = name.end()
        else:
            self._parts.append("$")
            self._at += 1

    def _variable(self, name: str, *, quoted: bool) -> None:
        value = self._variables.get(name)
        if value is None:
            # HOME and TMPDIR say where something is, whatever their value
            self._parts.append({"HOME": "~", "TMPDIR": "/tmp"}.get(name, UNKNOWN))
        elif quoted:
            self._parts.append(value)
        else:
            for i, piece in enumerate(re.split(r"\s+", value)):
                if i:
                    self._end_word()
                if piece:
                    self._begun = True
                    self._parts.append(piece)

    def _substitute(self, opening: int) -> None:
        end = _closing(self._text, opening)
        inside = self._text[opening + 1 : end - 1]
        self._begun = True
        self._ran(inside)
        self._at = end

    def _ran(self, command: str) -> None:
        self._runs.append(command)
        # A folder or file that is made to be thrown away.
        self._parts.append("/tmp/made" if re.match(r"\s*mktemp\b", command) else UNKNOWN)

    # -- the ends of things -------------------------------------------------------------------------------------------

    def _start_word(self) -> None:
        self._parts: list[str] = []
        self._runs: list[str] = []
        self._begun, self._bare = False, True

    def _end_word(self) -> None:
        if not self._begun:
            return
        word = Word("".join(self._parts), tuple(self._runs), self._bare)
        self._start_word()
        self._draft.runs.extend(word.runs)
        if self._sign in ("<<", "<<-"):
            self._waiting.append((self._draft, word, self._sign == "<<-"))
        elif self._sign == "<<<":
            self._draft.given.append(word.text)
        elif self._sign:
            self._draft.redirections.append(Redirection(self._sign, word))
        elif not self._draft.words and word.bare and (braces := _braces(word.text)):
            self._draft.words.extend(Word(piece) for piece in braces)
        else:
            self._draft.words.append(word)
        self._sign = ""

    def _redirect(self, sign: str) -> None:
        if self._bare and self._begun and "".join(self._parts).isdigit():  # 2>: whose it is matters to nobody here
            self._start_word()
        self._end_word()
        self._sign = sign
        self._at += len(sign)

    def _end_simple(self) -> None:
        self._end_word()
        self._sign = ""
        built = self._draft.build()
        if built is not None and not built.words:
            self._variables.update(built.assignments)
        elif built is not None and built.words[0].text in ("export", "readonly", "local", "declare"):
            found = (_ASSIGNMENT.match(word.text) for word in built.words[1:])
            self._variables.update({match[1]: match[2] for match in found if match})
        self._pipeline.append(self._draft)
        self._draft = _Draft(dict(self._variables))

    def _end_pipeline(self) -> None:
        self._end_simple()
        self._done.append(self._pipeline)
        self._pipeline = []

    def _here_documents(self) -> None:
        for draft, mark, indented in self._waiting:
            lines: list[str] = []
            while self._at < len(self._text):
                line, _, _ = self._text[self._at :].partition("\n")
                self._at += len(line) + 1
                if (line.lstrip("\t") if indented else line) == mark.text:
                    break
                lines.append(line)
            body = "\n".join(lines)
            draft.given.append(body)
            if mark.bare:
                draft.runs.extend(_substitutions(body))
        self._waiting = []


def _substitutions(text: str) -> Iterator[str]:
    """Yield the commands that run in the text of a here-document."""
    for found in re.finditer(r"(?<!\\)\$\((?!\()", text):
        yield text[found.end() : _closing(text, found.end() - 1) - 1]
    for found in re.finditer(r"(?<!\\)`([^`]*)`", text):
        yield found[1]


def _quoted_end(text: str, at: int) -> int:
    """Return where what is quoted at a place ends; the next place when nothing is quoted there."""
    if text[at] == "\\":
        return min(at + 2, len(text))
    if text[at] == "'":
        end = text.find("'", at + 1)
        return len(text) + 1 if end < 0 else end + 1
    if text[at] == '"':
        i = at + 1
        while i < len(text) and text[i] != '"':
            i += 2 if text[i] == "\\" else 1
        return min(i + 1, len(text))
    return at + 1


def _closing(text: str, opening: int) -> int:
    """Return the place after the parenthesis that closes the one at `opening`."""
    depth, i = 0, opening
    while i < len(text):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
        i = _quoted_end(text, i)
    return len(text) + 1


def _braces(text: str) -> list[str]:
    """Return the words that ``{a,b,c}`` stands for; none when it is no such thing."""
    found = re.fullmatch(r"\{([^{}]+,[^{}]*)\}", text)
    return found[1].split(",") if found else []


def _unescaped(text: str) -> str:
    try:
        return codecs.decode(text.encode("latin-1", "backslashreplace"), "unicode_escape")
    except UnicodeDecodeError:
        return text
