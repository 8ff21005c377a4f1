"""What the runs say about each experiment, in words and figures: its gain, the 95% interval, the chance of being better, proof.

`judging.gains` computes them; here is how they are written, the same in tables, details, the report and ``--json``. A figure that
is not known is a dash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..experiment import Experiment, Verdict
from ..judging.gains import PROVEN, Gain
from ..metric import format_number
from ..text import counted

DASH = "–"
NOTE = (
    "Gain: expected, over the version that it was compared with, above zero for better. Chance: of being truly better "
    "than that version; no difference counts as not better. "
    "A keep is proven when that chance is at least 99% and later runs show it."
)
"""What the columns of a table mean."""


def figures(gain: Gain | None, sd: float = 0.0) -> tuple[str, str, str]:
    """Return gain, 95% interval and chance for a table.

    Parameters
    ----------
    gain : Gain or None
    sd : float
        Standard deviation of one run at the experiment's value: the figures have at least as many decimals as that value.

    Examples
    --------
    ``("+0.031", "0.012 to 0.050", "97%")``; ``("+0.5", "exact", "100%")`` for a metric without noise.
    """
    return signed(gain, sd), interval(gain, sd), chance(gain)


def signed(gain: Gain | None, sd: float = 0.0) -> str:
    """Return a gain with its sign, above zero for better, and as many decimals as its interval has."""
    if gain is None:
        return DASH
    text = _amount(gain, abs(gain.gain), sd)
    return text if not any("1" <= c <= "9" for c in text) else f"{'+' if gain.gain > 0 else '-'}{text}"


def interval(gain: Gain | None, sd: float = 0.0) -> str:
    """Return the ends of a gain's 95% interval; ``exact`` where every repeat gave the same value."""
    if gain is None or gain.low is None or gain.high is None:
        return DASH
    if gain.low == gain.high:
        return "exact"
    return f"{_amount(gain, gain.low, sd)} to {_amount(gain, gain.high, sd)}"


def chance(gain: Gain | None) -> str:
    """Return the chance of being better in percent; certainty is claimed of metrics without noise alone."""
    if gain is None or gain.p_better is None:
        return DASH
    percent = round(100 * gain.p_better)
    if gain.low == gain.high:
        return f"{percent}%"
    return ">99%" if percent >= 100 else "<1%" if percent <= 0 else f"{percent}%"


def proof(gain: Gain | None) -> str:
    """Return whether a keep is proven, and if not, what is missing."""
    if gain is not None and gain.proven:
        return "yes"
    if gain is None or gain.p_better is None:
        return "not yet: how much the number varies by chance is not known"
    if gain.p_better >= PROVEN:
        return "not yet: later runs have to show it too"
    now, wanted = chance(gain), f"{PROVEN:.0%}"
    now = f"{100 * gain.p_better:.1f}%" if now == wanted else now
    return f"not yet: the chance of being better is {now}, and {wanted} is needed"


def details(e: Experiment, gain: Gain | None, sd: float = 0.0) -> list[tuple[str, str]]:
    """Return what the runs say about an experiment, as (name, text); empty for the baseline."""
    if e.parent is None:
        return []
    lines = []
    if gain is not None:
        better = "worse" if gain.gain < 0 else "better"
        than = f"experiment {e.parent}" if e.parent else "the baseline"
        amount = _amount(gain, abs(gain.gain), sd)
        lines = [
            ("Expected gain", f"{amount} {better} than {than}" if gain.gain else f"none over {than}"),
            ("95% interval", ends(gain, sd)),
            ("Chance of being better", chance(gain)),
        ]
    return [*lines, ("Proven", proof(gain))] if e.verdict is Verdict.KEEP else lines


def verdict_words(e: Experiment, gains: Mapping[int, Gain]) -> str:
    """Return the verdict; that of a keep says whether it is proven."""
    found = gains.get(e.number)
    return f"{e.verdict}, proven" if found is not None and found.proven else str(e.verdict)


def tried_text(tried: int, kept: int, proven: int) -> str:
    """Return the counts of a study in words: ``16 experiments, 4 kept, 3 proven``."""
    return f"{counted(tried, 'experiment')}, {kept} kept" + (f", {proven} proven" if kept else "")


def ends(gain: Gain, sd: float = 0.0) -> str:
    """Return the interval in words: ``0.012 worse to 0.050 better``."""
    if gain.low is None or gain.high is None:
        return f"{DASH} (how much the number varies by chance is not known)"
    if gain.low == gain.high:
        return "exact: every repeat gave the same value so far"
    return " to ".join(
        f"{_amount(gain, abs(end), sd)} {'worse' if end < 0 else 'better'}" for end in (gain.low, gain.high)
    )


def _amount(gain: Gain, value: float, sd: float) -> str:
    """Return a figure of a gain; all of them have the same decimals, a tenth of the first digit of the spread."""
    reach = 0.0 if gain.low is None or gain.high is None else (gain.high - gain.low) / 2
    fine = min(each for each in (reach, sd) if each > 0) if reach > 0 else 0.0
    if 1e-6 < fine < 1e12:
        decimals = max(0, 1 - math.floor(math.log10(fine)))
        return f"{round(value, decimals) + 0.0:.{decimals}f}"  # no -0.00
    if fine > 0:
        return format_number(value, fine)
    return format_number(value) if gain.low is not None else format_number(float(f"{value:.3g}"))
