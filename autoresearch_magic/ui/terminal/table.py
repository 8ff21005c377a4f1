"""The table of experiments as a widget: only the rows that are seen are drawn, so that thousands stay quick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...experiment import Experiment

CURSOR = "bold bright_white on blue"
"""The row at the cursor; without colours it is reversed."""


class ExperimentTable(ScrollView, can_focus=True):
    """Rows of experiments with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False), Binding("down", "move(1)", show=False), Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False), Binding("home,g", "end(False)", show=False), Binding("end,G", "end(True)", show=False),
        Binding("enter", "open", "Details"),
    ]  # fmt: skip

    class Moved(Message):
        """The cursor is at another experiment."""

    class Opened(Message):
        """An experiment is to be shown closely."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, draw: Callable[[Experiment], Text]) -> None:
        super().__init__()
        self._draw = draw
        self._rows: Sequence[Experiment] = ()
        self._at = 0
        self._drawn: dict[int, Text] = {}

    @property
    def number(self) -> int:
        """The number of the experiment at the cursor; -1 where there is none."""
        return self._rows[self._at].number if 0 <= self._at < len(self._rows) else -1

    def fill(self, rows: Sequence[Experiment], *, keep: bool = True) -> None:
        """Show these experiments; the cursor stays at its experiment, and at the top where it was there."""
        number, top = self.number, self._at == 0
        self._rows, self._drawn = rows, {}
        places = {} if top or not keep else {e.number: place for place, e in enumerate(rows)}
        self._at = places.get(number, 0 if top or not keep else min(self._at, max(0, len(rows) - 1)))
        self.virtual_size = Size(0, len(rows))
        self._reveal()
        self.refresh()

    def select(self, number: int) -> None:
        """Move the cursor to an experiment, where it is shown."""
        place = next((place for place, e in enumerate(self._rows) if e.number == number), None)
        if place is not None:
            self._go(place)

    def neighbour(self, by: int) -> int:
        """Move the cursor by so many rows; return the number of the experiment there."""
        self._go(self._at + by)
        return self.number

    def render_line(self, y: int) -> Strip:
        """Return one line of what is seen."""
        place, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if not 0 <= place < len(self._rows):
            return Strip.blank(width)
        e = self._rows[place]
        if (text := self._drawn.get(place)) is None:
            text = self._draw(e)
            text.truncate(width, overflow="ellipsis", pad=True)
            self._drawn[place] = text
        if place == self._at:
            text = Text(no_wrap=True).append(text.plain, "reverse" if self.app.no_color else CURSOR)
        return Strip(text.render(self.app.console), width).adjust_cell_length(width, Style())

    def on_resize(self) -> None:
        """Draw the rows anew, as wide as the table is now."""
        self._drawn = {}
        self.virtual_size = Size(0, len(self._rows))

    def on_click(self, event: Click) -> None:
        """Move the cursor to a row; a second click opens it."""
        place = event.y + self.scroll_offset.y
        if 0 <= place < len(self._rows):
            again = place == self._at
            self._go(place)
            if again:
                self.action_open()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._go(self._at + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._go(self._at + by * max(1, self.size.height - 1))

    def action_end(self, last: bool) -> None:
        """Move the cursor to the first or the last row."""
        self._go(len(self._rows) - 1 if last else 0)

    def action_open(self) -> None:
        """Show the experiment at the cursor closely."""
        if self.number >= 0:
            self.post_message(self.Opened(self.number))

    def _go(self, place: int) -> None:
        place = max(0, min(len(self._rows) - 1, place))
        if place != self._at:
            self._at = place
            self._reveal()
            self.refresh()
            self.post_message(self.Moved())

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self._at < top:
            self.scroll_to(y=self._at, animate=False, force=True)
        elif self._at >= top + height:
            self.scroll_to(y=self._at - height + 1, animate=False, force=True)
