"""A drawing area of characters: lines of braille dots, eight to a character, with marks above and shades below them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column."""


class Canvas:
    """Characters in rows and columns; x and y are measured in characters, from the left and from the top.

    Parameters
    ----------
    width, height : int
        In characters.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(1, width), max(1, height)
        self._dots: dict[tuple[int, int], int] = {}
        self._lines: dict[tuple[int, int], str] = {}  # the styles of dots
        self._marks: dict[tuple[int, int], tuple[str, str]] = {}
        self._shades: dict[tuple[int, int], tuple[str, str]] = {}

    def dot(self, x: float, y: float, style: str) -> None:
        """Set the braille dot at a place; the style of the last one is that of its character."""
        column, row = int(2 * x), int(4 * y)
        if 0 <= column < 2 * self.width and 0 <= row < 4 * self.height:
            cell = column // 2, row // 4
            self._dots[cell] = self._dots.get(cell, 0) | DOTS[row % 4][column % 2]
            self._lines[cell] = style

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """Draw a line of dots."""
        steps = int(max(2 * abs(x2 - x1), 4 * abs(y2 - y1))) + 1
        for i in range(steps + 1):
            self.dot(x1 + (x2 - x1) * i / steps, y1 + (y2 - y1) * i / steps, style)

    def mark(self, x: float, y: float, character: str, style: str) -> None:
        """Put a character above everything else."""
        cell = int(x), int(y)
        if 0 <= cell[0] < self.width and 0 <= cell[1] < self.height:
            self._marks[cell] = character, style

    def shade(self, x: float, y: float, character: str, style: str) -> None:
        """Put a character below everything else, where nothing is yet."""
        self._shades.setdefault((int(x), int(y)), (character, style))

    def rows(self, above: Mapping[tuple[int, int], tuple[str, str]] | None = None) -> list[Text]:
        """Return the rows, with further marks above all others: character and style by column and row."""
        made = []
        for y in range(self.height):
            row, run, styled = Text(no_wrap=True, end=""), "", ""
            for x in range(self.width):
                character, style = (above or {}).get((x, y)) or self._at((x, y))
                if style != styled:
                    row.append(run, styled)
                    run, styled = "", style
                run += character
            row.append(run, styled)
            made.append(row)
        return made

    def _at(self, cell: tuple[int, int]) -> tuple[str, str]:
        if (found := self._marks.get(cell)) is not None:
            return found
        if (dots := self._dots.get(cell, 0)) != 0:
            return chr(0x2800 + dots), self._lines[cell]
        return self._shades.get(cell, (" ", ""))
