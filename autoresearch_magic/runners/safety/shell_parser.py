"""Parses a shell command into its simple commands, far enough to see which programs would be run.

Handled: quotes, backslashes, comments, pipelines and lists, redirections, here-documents, ``$(...)``, backticks, ``<(...)``
and variables that the command itself sets. Nothing is run, looked up or expanded against the disk. Not handled: arithmetic,
arrays, aliases, globs. Malformed text is parsed as far as possible, because a shell would refuse it anyway.

The standard library's `shlex` knows no substitutions or here-documents. bashlex would add a GPL dependency and cannot parse
``time``, ``case`` and arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .shell_quoting import braces, closing, quoted_end, substitutions, unescaped

UNKNOWN = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Placeholder in a word for what is only known when it runs: a command's output, an unset variable."""

_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_REDIRECTION = re.compile(r"&>>?|<<<|<<-?|<>|<&|>>|>\||>&|[<>]")
_CONTROL = re.compile(r"&&|\|\||;;&?|\|&|[;&|()]")
_BACKTICKS = re.compile(r"`((?:[^\\`]|\\.)*)`?", re.DOTALL)
_ANSI_C_QUOTED = re.compile(r"\$'((?:[^\\']|\\.)*)'?", re.DOTALL)
_NO_COMMAND_FOLLOWS = {"for", "case", "select", "function"}
_KEYWORDS = {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "{", "}", "!", "time", "[["}
_CLOSES = {"}": {"{"}, "fi": {"if"}, "done": {"while", "until", "for", "select"}, "esac": {"case"}, ")": {"("}}
_OPENS = set().union(*_CLOSES.values())
_LISTS = ("&&", "||", "|", "|&")
"""Operators after which a command may begin on the next line."""
_SILENT = {":", "true", "false", "exit", "cd"}
"""Programs that print nothing."""


@dataclass(frozen=True)
class Word:
    """One word of a command.

    Attributes
    ----------
    text : str
        Without its quotes, and with `UNKNOWN` for each unknown part.
    substitutions : tuple of str
        The commands that run to make it: those in its ``$(...)``, backticks and ``<(...)``.
    unquoted : bool
        Whether nothing in it is quoted.
    """

    text: str
    substitutions: tuple[str, ...] = ()
    unquoted: bool = True


@dataclass(frozen=True)
class Redirection:
    """An operator such as ``>`` or ``<``, and the file after it.

    Attributes
    ----------
    operator : str
    word : Word
    number : str
        The descriptor's number before the operator, such as the 2 of ``2>``; empty for none.
    """

    operator: str
    word: Word
    number: str = ""


@dataclass(frozen=True)
class SimpleCommand:
    """One program with its arguments (a "simple command" of POSIX).

    Attributes
    ----------
    words : tuple of Word
        The program and its arguments.
    assignments : mapping
        The variables that are set before them, for this command.
    redirections : tuple of Redirection
    stdin_text : str
        The text of its here-documents and here-strings.
    substitutions : tuple of str
        Commands that run to make its words, redirections, assignments and standard input.
    variables : mapping
        The known variables at this point.
    operator : str
        The control operator before it, such as ``&&`` or a line end; empty for the first command.
    group_prints : bool
        Whether it stands for the end of a group or loop, such as ``)`` or ``done``, that prints something: its redirections are
        those of all commands in there.
    """

    words: tuple[Word, ...]
    assignments: Mapping[str, str] = field(default_factory=dict)
    redirections: tuple[Redirection, ...] = ()
    stdin_text: str = ""
    substitutions: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    operator: str = ""
    group_prints: bool = False

    @property
    def prints_nothing(self) -> bool:
        """Whether it is known to print nothing: an assignment, ``:``, ``true`` or ``cat /dev/null``."""
        words = [word.text for word in self.words]
        return not self.group_prints and (not words or words[0] in _SILENT or words[:2] == ["cat", "/dev/null"])


def parse_command(text: str, variables: Mapping[str, str] | None = None) -> list[list[SimpleCommand]]:
    """Return the pipelines of a command in the order in which they are written, each a list of simple commands.

    Parameters
    ----------
    text : str
        As for ``sh -c``.
    variables : mapping, optional
        Variables that are already known.
    """
    return _Parser(text, {"IFS": " ", **(variables or {})}).parse()


class _CommandBuilder:
    """Collects the parts of a simple command; here-documents are added after the end of its line."""

    def __init__(self, variables: Mapping[str, str], operator: str = "") -> None:
        self.words: list[Word] = []
        self.redirections: list[Redirection] = []
        self.stdin_texts: list[str] = []
        self.substitutions: list[str] = []
        self.variables = variables
        self.operator = operator
        self.group_prints = False

    @property
    def empty(self) -> bool:
        """Whether nothing has been read since the operator before it."""
        return not (self.words or self.redirections or self.stdin_texts or self.substitutions)

    @property
    def keywords(self) -> list[str]:
        """The shell's keywords that it begins with, such as ``then`` and ``{``."""
        found: list[str] = []
        for word in self.words:
            if not word.unquoted or word.text not in _KEYWORDS | _NO_COMMAND_FOLLOWS:
                break
            found.append(word.text)
            if word.text in _NO_COMMAND_FOLLOWS:
                break
        return found

    def build(self) -> SimpleCommand | None:
        """Return the command without keywords, and with its assignments apart; None when nothing is left."""
        words = list(self.words)
        assignments: dict[str, str] = {}
        while words:
            first = words[0]
            if first.unquoted and first.text in _KEYWORDS:
                words.pop(0)
                if first.text == "time" and words and words[0].text == "-p":
                    words.pop(0)
            elif first.unquoted and first.text in _NO_COMMAND_FOLLOWS:
                words.clear()
            elif assignment := _ASSIGNMENT.match(first.text):
                assignments[assignment[1]] = assignment[2]
                words.pop(0)
            else:
                break
        if not (words or assignments or self.redirections or self.substitutions):
            return None
        return SimpleCommand(
            tuple(words), assignments, tuple(self.redirections), "\n".join(self.stdin_texts), tuple(self.substitutions),
            self.variables, self.operator, self.group_prints,
        )  # fmt: skip


class _Parser:
    """Parses one command, character by character."""

    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self._text, self._at, self._variables = text, 0, variables
        self._in_word: bool
        self._pipelines: list[list[_CommandBuilder]] = []
        self._pipeline: list[_CommandBuilder] = []
        self._command = _CommandBuilder(dict(variables))
        self._open_groups: list[tuple[str, bool]] = []  # each with whether a command in it prints something
        self._redirection = ""  # a redirection operator that waits for its word
        self._number = ""  # the number before that operator
        self._open_here_documents: list[tuple[_CommandBuilder, Word, bool]] = []  # they begin on the next line
        self._start_word()

    def parse(self) -> list[list[SimpleCommand]]:
        while self._at < len(self._text):
            self._step()
        self._end_pipeline()
        built = [[command for builder in pipeline if (command := builder.build())] for pipeline in self._pipelines]
        return [pipeline for pipeline in built if pipeline]

    # -- characters ---------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        text, at = self._text, self._at
        c = text[at]
        if c == "\n":
            self._end_word()
            if not (self._command.empty and self._command.operator in _LISTS):  # it goes on after a line end
                self._end_pipeline("\n")
            self._at += 1
            self._read_here_documents()
        elif c in " \t\r":
            self._end_word()
            self._at += 1
        elif c == "#" and not self._in_word:
            end = text.find("\n", at)
            self._at = len(text) if end < 0 else end
        elif text.startswith(("<(", ">("), at):
            self._substitute(at + 1)
        elif text.startswith("((", at) and (end := self._arithmetic_end(at)):
            self._at = end
            self._in_word = True
            self._parts.append(UNKNOWN)
        elif redirection := _REDIRECTION.match(text, at):
            self._redirect(redirection[0])
        elif control := _CONTROL.match(text, at):
            self._at = control.end()
            self._end_command(control[0])
            if control[0] not in ("|", "|&"):
                self._end_pipeline(control[0])
            if control[0] == "(":
                self._open_groups.append(("(", False))
            elif control[0] == ")":
                self._close_group(")")
        else:
            self._add_character(quoted=False)

    def _arithmetic_end(self, at: int) -> int:
        """Return the index after ``((...))`` where a command may begin; 0 where it is no arithmetic."""
        if self._in_word or any(word.text not in _KEYWORDS | {"for"} for word in self._command.words):
            return 0
        end = closing(self._text, at)
        return end if self._text[end - 2 : end] == "))" and "\n" not in self._text[at:end] else 0

    def _add_character(self, *, quoted: bool) -> None:
        """Add one character, or the quotation or substitution that begins with it, to the word."""
        text, at = self._text, self._at
        c = text[at]
        self._in_word = True
        if c == "\\":
            self._unquoted = False
            following = text[at + 1 : at + 2]
            self._at += 2
            if following != "\n":
                keep = quoted and following not in ("$", "`", '"', "\\")
                self._parts.append("\\" + following if keep else following)
        elif c == "`" and (inside := _BACKTICKS.match(text, at)):
            self._add_output(inside[1].replace("\\`", "`"))
            self._at = inside.end(1) + 1
        elif c == "$":
            self._add_dollar(quoted=quoted)
        elif c == "'" and not quoted:
            self._unquoted = False
            self._at = quoted_end(text, at)
            self._parts.append(text[at + 1 : self._at - 1])
        elif c == '"' and not quoted:
            self._unquoted = False
            self._at += 1
            while self._at < len(text) and text[self._at] != '"':
                self._add_character(quoted=True)
            self._at += 1
        else:
            self._parts.append(c)
            self._at += 1

    def _add_dollar(self, *, quoted: bool) -> None:
        text, at = self._text, self._at
        if not quoted and (string := _ANSI_C_QUOTED.match(text, at)):
            self._unquoted = False
            self._parts.append(unescaped(string[1]))
            self._at = string.end(1) + 1
        elif text.startswith("$((", at):
            self._parts.append(UNKNOWN)
            self._at = closing(text, at + 1)
        elif text.startswith("$(", at):
            self._substitute(at + 1)
        elif text.startswith("${", at):
            name = _NAME.match(text, at + 2)
            self._add_variable(name[0] if name else "", quoted=quoted)
            end = text.find("}", at)
            self._at = len(text) + 1 if end < 0 else end + 1
        elif name := _NAME.match(text, at + 1):
            self._add_variable(name[0], quoted=quoted)
            self._at = name.end()
        else:
            self._parts.append("$")
            self._at += 1

    def _add_variable(self, name: str, *, quoted: bool) -> None:
        value = self._variables.get(name)
        if value is None:
            # What HOME and TMPDIR mean is known without their values.
            self._parts.append({"HOME": "~", "TMPDIR": "/tmp"}.get(name, UNKNOWN))
        elif quoted:
            self._parts.append(value)
        else:
            for i, piece in enumerate(re.split(r"\s+", value)):
                if i:
                    self._end_word()
                if piece:
                    self._in_word = True
                    self._parts.append(piece)

    def _substitute(self, opening: int) -> None:
        """Add the substitution whose parenthesis is at `opening` to the word."""
        self._in_word = True
        self._at = closing(self._text, opening)
        self._add_output(self._text[opening + 1 : self._at - 1])

    def _add_output(self, command: str) -> None:
        self._word_substitutions.append(command)
        # mktemp returns a file or folder that may be deleted
        self._parts.append("/tmp/made" if re.match(r"\s*mktemp\b", command) else UNKNOWN)

    # -- ends of words, commands and pipelines ------------------------------------------------------------------------

    def _start_word(self) -> None:
        self._parts: list[str] = []
        self._word_substitutions: list[str] = []
        self._in_word, self._unquoted = False, True

    def _end_word(self) -> None:
        if not self._in_word:
            return
        word = Word("".join(self._parts), tuple(self._word_substitutions), self._unquoted)
        self._start_word()
        command, redirection = self._command, self._redirection
        command.substitutions.extend(word.substitutions)
        if redirection in ("<<", "<<-"):
            self._open_here_documents.append((command, word, redirection == "<<-"))
        elif redirection == "<<<":
            command.stdin_texts.append(word.text)
        elif redirection:
            command.redirections.append(Redirection(redirection, word, self._number))
        elif not command.words and word.unquoted and (pieces := braces(word.text)):
            command.words.extend(Word(piece) for piece in pieces)
        else:
            command.words.append(word)
        self._redirection = ""

    def _redirect(self, operator: str) -> None:
        number = "".join(self._parts)
        if self._unquoted and self._in_word and number.isdigit():
            self._start_word()
        else:
            number = ""
        self._end_word()
        self._number = number
        self._redirection = operator
        self._at += len(operator)

    def _end_command(self, operator: str) -> None:
        self._end_word()
        self._redirection = ""
        self._follow_groups()
        command = self._command.build()
        if command is not None and not command.words:
            self._variables.update(command.assignments)
        elif command is not None and command.words[0].text in ("export", "readonly", "local", "declare"):
            found = (_ASSIGNMENT.match(word.text) for word in command.words[1:])
            self._variables.update({match[1]: match[2] for match in found if match})
        self._pipeline.append(self._command)
        self._command = _CommandBuilder(dict(self._variables), operator)

    def _end_pipeline(self, operator: str = "") -> None:
        self._end_command(operator)
        self._pipelines.append(self._pipeline)
        self._pipeline = []

    def _follow_groups(self) -> None:
        """Open and close the groups whose keywords the command begins with, and note whether it prints something."""
        for keyword in self._command.keywords:
            if keyword in _OPENS:
                self._open_groups.append((keyword, False))
            elif keyword in _CLOSES:
                self._close_group(keyword)
        command = self._command.build()
        if command is not None and self._open_groups and not command.prints_nothing:
            self._open_groups = [(opener, True) for opener, _ in self._open_groups]

    def _close_group(self, closer: str) -> None:
        """Close the innermost group, unless `closer` belongs to none, such as the parenthesis of a ``case`` pattern."""
        if self._open_groups and self._open_groups[-1][0] in _CLOSES[closer]:
            self._command.group_prints = self._open_groups.pop()[1]

    def _read_here_documents(self) -> None:
        for command, end_mark, indented in self._open_here_documents:
            lines: list[str] = []
            while self._at < len(self._text):
                line = self._text[self._at :].partition("\n")[0]
                self._at += len(line) + 1
                if (line.lstrip("\t") if indented else line) == end_mark.text:
                    break
                lines.append(line)
            body = "\n".join(lines)
            command.stdin_texts.append(body)
            if end_mark.unquoted:
                command.substitutions.extend(substitutions(body))
        self._open_here_documents = []
