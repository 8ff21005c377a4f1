"""How a study's pictures look: colours, fonts and lines, all given explicitly so that no style of the user changes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

from .results_tsv import one_line

PAPER = "none"
INK, KEPT, FAILED = "#787879", "#0b8964", "#d8434f"
"""One picture is for white pages and for dark ones: it has no background, and these have a contrast of 4.2 at least with #fff and #111.

No colour has 4.5 with both; 4.35 is the most.
"""
SOFT, DISCARDED, GRID, NOISE = INK, f"{INK}cc", f"{INK}33", f"{INK}1f"
"""What stands back is transparent, so that it stands back on any page."""

Look = dict[str, Any]
"""Properties of a line, a marker or a text."""


def tick_names(ticks: Sequence[float]) -> list[str]:
    """Return numbers with equally many decimals."""
    names = [f"{tick:.12g}" for tick in ticks]
    decimals = max((len(name.partition(".")[2]) for name in names), default=0)
    if not any("e" in name for name in names):
        names = [f"{tick:.{decimals}f}" for tick in ticks]
    return [name.replace("-", "−") for name in names]


def cut(text: str, length: int) -> str:
    """Return a text of at most `length` characters, with an ellipsis where some are missing."""
    return text if len(text) <= length else text[: length - 1].rstrip(" ,.;:") + "…"


def line_look(color: str, width: float, style: Any = "-") -> Look:
    """Return a line's properties."""
    look = {"solid_capstyle": "butt", "solid_joinstyle": "miter", "dash_capstyle": "butt", "marker": ""}
    return {"color": color, "linewidth": width, "linestyle": style, **look}


def text_look(size: float, color: str = INK, *, weight: str = "normal", **style: Any) -> Look:
    """Return a text's properties."""
    plain: Look = {"usetex": False, "parse_math": False, "va": "center_baseline", "zorder": 7}
    return {"fontproperties": font(size, weight), "color": color} | plain | style


def font(size: float, weight: str = "normal") -> FontProperties:
    """Return the font of a drawing, whatever style the user has set."""
    return FontProperties(family=_families(), size=size, weight=weight)


@lru_cache(1)
def _families() -> list[str]:
    """Return matplotlib's own font, and one with Chinese, Japanese and Korean characters where one is installed."""
    wide = re.compile("CJK|Noto Sans (SC|JP|KR)|PingFang|Hiragino Sans|YaHei|WenQuanYi|SimHei|Arial Unicode")
    return ["DejaVu Sans", *sorted(filter(wide.search, fontManager.get_font_names()))[:1]]


@lru_cache(1)
def _characters() -> frozenset[int]:
    fonts = [get_font(findfont(FontProperties(family=name))) for name in _families()]
    return frozenset().union(*(font.get_charmap() for font in fonts))


def drawable(text: str) -> str:
    """Return one line with a box for each character that no font has, of which matplotlib would warn in a user's cell."""
    text = one_line(text)
    return text if text.isascii() else "".join(c if ord(c) in _characters() else "□" for c in text)
