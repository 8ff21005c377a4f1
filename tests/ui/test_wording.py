"""Texts say how a command is typed where they are read: every message of the package is looked at."""

import ast
import re
from pathlib import Path

import pytest

import autoresearch_magic
from autoresearch_magic.ui.commands.table import COMMANDS
from autoresearch_magic.ui.session import Place
from autoresearch_magic.ui.wording import SHELL_FORMS, for_shell

PACKAGE = Path(autoresearch_magic.__file__).parent
NOTEBOOK_ONLY = {"ui/jupyter", "ui/commands/define.py", "ui/commands/use.py", "ui/drafting.py", "ui/commands/begin.py"}
"""Modules whose texts no shell shows."""
SHELL_ONLY = {
    "ui/cli.py", "ui/commands/shell.py", "__main__.py", "ui/terminal",
    "ui/commands/host_skill.py", "config/host_skill.py", "config/skill_hosts.py",
}  # fmt: skip
"""Modules whose texts no notebook shows."""
BY_PLACE = {"ui/commands/first_steps.py", "ui/session.py"}
"""Modules that have a text for each."""


def texts(path):
    """Yield the strings of a module that users may read, with the line: no docstrings, comments or regular expressions."""
    source = path.read_text("utf-8")
    if "autoresearch " not in source and "{MAGIC}" not in source:  # most modules: their trees need not be looked at
        return
    nodes = [*ast.walk(ast.parse(source))]
    docstrings = {
        id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(p.value)
                    if isinstance(p, ast.Constant)
                    else "{MAGIC}"
                    if ast.unparse(p) == "{MAGIC}"
                    else "VALUE"
                    for p in node.values
                ).replace("{MAGIC}", "%autoresearch"),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


CELLS = {("study/export.py", "setup"), ("study/export.py", "target"), ("study/report/circumstances.py", "setup")}
"""Commands in the cells of exported notebooks."""

MODULES = [p for p in sorted(PACKAGE.rglob("*.py")) if "skills" not in p.relative_to(PACKAGE).parts]


def within(path, places):
    name = path.relative_to(PACKAGE).as_posix()
    return any(name == place or name.startswith(f"{place}/") for place in places)


@pytest.mark.parametrize("place", sorted({p.parent for p in MODULES}), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_every_message_names_commands_that_exist_where_it_is_read(place):
    wrong = []
    for path, line, text in (
        (module, *found) for module in MODULES if module.parent == place for found in texts(module)
    ):
        for found in re.finditer(r"(?<![\w%])%autoresearch +([a-z]+)", text):
            known = found[1] in COMMANDS[Place.MAGIC]
            shell = (
                found[1] in COMMANDS[Place.SHELL] or found[1] in SHELL_FORMS or within(path, NOTEBOOK_ONLY | BY_PLACE)
            )
            cell = (path.relative_to(PACKAGE).as_posix(), found[1]) in CELLS
            if not (known and (shell or cell)):
                wrong.append(f"{path}:{line}: {found[0]}")
        if not within(path, SHELL_ONLY | BY_PLACE):
            for found in re.finditer(r"(?<![\w%./-])(?<!\bthe )autoresearch +([a-z]+)\b", text):
                if found[1] in COMMANDS[Place.MAGIC] and found[1] not in ("program", "setup", "target"):
                    wrong.append(f"{path}:{line}: {found[0]}, as in a shell")
    assert not wrong


@pytest.mark.parametrize(
    ("text", "shell"),
    [
        ("go on with  %autoresearch resume x -n 5", "go on with  autoresearch resume x -n 5"),
        ("use  %autoresearch start OPTIONS", "use  autoresearch run PROGRAM.md --target FILE OPTIONS"),
        ("(%autoresearch wait) or (%autoresearch stop)", "(autoresearch wait) or (autoresearch stop)"),
        ("a branch autoresearch/night, 100%autoresearch", "a branch autoresearch/night, 100%autoresearch"),
    ],
)
def test_the_shell_says_it_its_way(text, shell):
    assert for_shell(text) == shell
