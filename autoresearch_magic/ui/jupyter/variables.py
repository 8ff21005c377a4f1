"""Variables of the notebook in the options of a magic: ``-n {n}``, ``--repo $folder``, ``--budget {seconds}s``.

Which options and arguments they may stand in is declared with those; metric, verify, guard and prose are never expanded.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from ...errors import UserError
from ...syntax import syntax_tree

_VARIABLE = re.compile(r"\{([^{}]+)\}|\$([A-Za-z_]\w*)")


def expand_variables(text: str, names: Mapping[str, Any]) -> str:
    """Return a text with the values of ``{expression}`` and ``$name`` in it; lists are joined by commas.

    Braces without a name in them, or with a list of words (``{a,b}``), stay as they are. So does an unknown ``$name``.

    Raises
    ------
    UserError
        When there is no variable of a name in braces, or the expression fails.
    """

    def value(match: re.Match[str]) -> str:
        if match[2]:
            return _shown(names[match[2]]) if match[2] in names else match[0]
        try:
            tree = syntax_tree(match[1].strip(), "eval")
        except SyntaxError:
            return match[0]
        if isinstance(tree.body, ast.Tuple) or not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
            return match[0]
        try:
            return _shown(eval(compile(tree, "<option>", "eval"), {}, dict(names)))
        except NameError as error:
            raise UserError(f"{match[0]} in {text!r}: there is no variable {error.name!r} in the notebook.") from None
        except Exception as error:
            raise UserError(f"{match[0]} in {text!r} failed: {type(error).__name__}: {error}.") from None

    return _VARIABLE.sub(value, text)


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
