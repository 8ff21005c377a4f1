"""What a magic returns: an object that shows itself in a notebook, with the facts behind it.

``r = %autoresearch status`` assigns it, ``%autoresearch status`` alone displays it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal

from executing import Source
from IPython.display import display

from ...errors import UserError
from ...text import as_html
from ..reply import Reply
from .progress_bar import in_notebook

Use = Literal["shown", "dropped", "used", "quiet"]
"""What is done with a magic's value: IPython displays it, it is lost, it is assigned or passed on, or nobody wants to see it."""


def show_reply(reply: Reply) -> None:
    """Show a reply: as Markdown in a notebook, as text in a terminal."""
    if not reply.text:
        return
    if in_notebook() and (markdown := reply.as_markdown()):
        data = {"text/plain": reply.text, "text/markdown": markdown}
        if reply.html is not None and (page := reply.html()):
            data["text/html"] = page  # where there are both, this one is shown
        display(data, raw=True)
    else:
        print(reply.as_text())


def _show_behind_prompt(reply: Reply) -> None:
    if not in_notebook() and "\n" in reply.text:
        print()  # a terminal has written "Out[3]: " already
    show_reply(reply)


class Result:
    """The answer of a command.

    `str` gives its text; its facts are attributes, ``result["key"]`` and `to_dict`.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain values, the same as ``--json`` prints."""
        return dict(self._reply.data or {})

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in (data := self.to_dict()):
            return data[name]
        raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self.to_dict()) or 'no facts'}")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.to_dict()})

    def __str__(self) -> str:
        return self._reply.text

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return self._reply.as_markdown() or f"```text\n{self._reply.text}\n```"

    def _repr_html_(self) -> str | None:
        return (self._reply.html and self._reply.html()) or as_html(self._repr_markdown_())

    def _ipython_display_(self) -> None:
        _show_behind_prompt(self._reply)


def result_of(reply: Reply, use: Use) -> Any:
    """Return the value of a reply for a caller that makes this use of it."""
    if reply.value is None:
        return Result(reply)
    try:
        value = reply.value()
    except (ImportError, UserError):  # pandas is an extra; a line alone needs none
        if use == "used":
            raise
        return Result(reply)
    if use == "shown":
        # Its first display, which IPython makes now, is the reply's; from then on it is shown as such values are.
        def first_display() -> None:
            del value.__dict__["_ipython_display_"]
            _show_behind_prompt(reply)

        object.__setattr__(value, "_ipython_display_", first_display)
    return value


def use_of(frame: FrameType | None, interactivity: str) -> Use:
    """Return what is done with the value of the call that a frame makes at the moment.

    IPython displays the value of a cell's last line itself (``shown``). That of a line before it is lost (``dropped``), so
    the magic has to display it. Any other value is used, and nobody wants to see it now.

    Parameters
    ----------
    frame : frame
        The one that called the magic.
    interactivity : str
        IPython's ``ast_node_interactivity``: which lines of a cell it displays.
    """
    node = Source.executing(frame).node if frame is not None else None
    parent = getattr(node, "parent", None)
    if not isinstance(parent, ast.Expr):
        return "used"
    module = getattr(parent, "parent", None)
    if not isinstance(module, ast.Module):
        return "dropped"
    shown = {"all": module.body, "none": []}.get(interactivity, module.body[-1:])
    return "shown" if parent in shown else "dropped"


def calling_frame(outside: Callable[[str], bool]) -> FrameType | None:
    """Return the nearest frame of a module whose name `outside` accepts: the one that called the magic."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not outside(str(frame.f_globals.get("__name__", ""))):
        frame = frame.f_back
    return frame
