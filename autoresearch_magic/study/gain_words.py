"""The gain of the confirmed result in words, with its interval."""

from __future__ import annotations

from ..headline import Headline
from ..metric import format_number


def beyond_chance(head: Headline | None) -> bool:
    """Whether the confirmed result shows an improvement: the interval of the gain is above zero."""
    return head is not None and head.reach is not None and head.gain > head.reach


def gain_text(head: Headline) -> str:
    """Return how much better or worse the best is than the baseline, with the interval, in words.

    Examples
    --------
    ``0.81 better (22%; 95% interval 0.68 to 0.94)``, or, where the interval holds zero,
    ``0.01 better (0.8%), which chance may explain (95% interval 0.01 worse to 0.03 better)``.
    """
    gain, reach = head.gain, head.reach
    # As many decimals as the interval has, so that both can be read together.
    amount = format_number(abs(gain), reach) if reach else _figure(abs(gain), 3)
    better = f"{amount} {'worse' if gain < 0 else 'better'}"
    share = f"{_figure(100 * abs(gain / head.baseline), 2)}%" if head.baseline else ""
    aside = f" ({share})" if share else ""
    if reach is None:
        return f"{better}{aside}, which one run of each cannot tell from chance"
    if reach == 0:
        return f"{better}{aside}, the same in every run"
    low, high = gain - reach, gain + reach
    interval = f"{head.confidence:.0%} interval "
    if low < 0 < high or abs(gain) <= reach:
        return (
            f"{better}{aside}, which chance may explain "
            f"({interval}{format_number(abs(low), reach)} {'worse' if low < 0 else 'better'} to "
            f"{format_number(abs(high), reach)} {'worse' if high < 0 else 'better'})"
        )
    near, far = sorted((abs(low), abs(high)))
    return f"{better} ({f'{share}; ' if share else ''}{interval}{format_number(near, reach)} to {format_number(far, reach)})"


def _figure(value: float, digits: int) -> str:
    """Format a value with `digits` significant digits, without an exponent from 1 to ten million."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and value < 1e7 else text
