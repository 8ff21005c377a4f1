"""Thread-safe parsing of Python source into a syntax tree.

Up to Python 3.12 all threads share one recursion counter while they build syntax trees, so that two threads that parse at the
same time can fail with a SystemError, "AST constructor recursion depth mismatch" (CPython issue 106905). A lock keeps our own
threads apart; parsing is repeated where another library's thread, such as IPython's, interfered.
"""

from __future__ import annotations

import ast
import threading
import warnings
from typing import Literal, overload

TRIES = 20
"""Attempts at parsing; one fails only when a thread outside of our control parses at the same moment."""

_LOCK = threading.Lock()


@overload
def syntax_tree(source: str, mode: Literal["exec"] = "exec") -> ast.Module: ...
@overload
def syntax_tree(source: str, mode: Literal["eval"]) -> ast.Expression: ...


def syntax_tree(source: str, mode: Literal["exec", "eval"] = "exec") -> ast.AST:
    """Return the syntax tree of a source, without printing Python's warnings about it (such as invalid escapes).

    Parameters
    ----------
    source : str
    mode : {"exec", "eval"}
        Whether the source is a module or one expression.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        When the source is not Python: ValueError for null bytes and lone surrogates, the last two for extreme nesting.
    """
    for left in range(TRIES, 0, -1):
        try:
            with _LOCK, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(source, mode=mode)
        except SystemError:
            if left == 1:
                raise
    raise AssertionError("the last attempt returns or raises")
