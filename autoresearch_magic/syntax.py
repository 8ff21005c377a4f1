"""Python source to a syntax tree, from any thread.

Up to Python 3.12 the interpreter counts the depth of the tree that it makes in one place for all threads: when two threads make
one at the same time it may complain of a "recursion depth mismatch" (a SystemError, CPython issue 106905 and its kin). It
happened to a study whose terminal drew a bar meanwhile, and ended its night. So ours take turns, and try again where somebody
else's, such as a cell that IPython reads, has come in between.
"""

from __future__ import annotations

import ast
import threading
import warnings
from typing import Literal, overload

TRIES = 20
"""Attempts; each one fails only where another thread's parsing falls into it."""

_TURN = threading.Lock()


@overload
def syntax_tree(source: str, mode: Literal["exec"] = "exec") -> ast.Module: ...
@overload
def syntax_tree(source: str, mode: Literal["eval"]) -> ast.Expression: ...


def syntax_tree(source: str, mode: Literal["exec", "eval"] = "exec") -> ast.AST:
    """Parse, without the warnings that Python may print about a source (an invalid escape in a string, for example).

    Parameters
    ----------
    source : str
    mode : {"exec", "eval"}
        A module, or one expression.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        For what is no Python: ValueError for null bytes and lone surrogates, the last two for absurd nesting.
    """
    for left in range(TRIES, 0, -1):
        try:
            with _TURN, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(source, mode=mode)
        except SystemError:
            if left == 1:
                raise
    raise AssertionError("the last attempt returns or raises")
