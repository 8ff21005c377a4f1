"""What the runs say about each experiment, in words and figures: its gain, the 95% interval, the chance of being better, proof.

`judging.gains` computes them; here is how they are written, the same in tables, details, the report and ``--json``. A figure that
is not known is a dash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..experiment import Experiment, Verdict
from ..judging.forecast import format_forecast, parse_forecast
from ..judging.gains import PROVEN, Gain
from ..metric import Metric, format_number
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


def forecast_outcome(e: Experiment, gain: Gain | None, metric: Metric, sd: float = 0.0) -> str:
    """Return what an agent expected of an experiment, and what came of it; empty where it expected nothing.

    Changes of the metric itself: below zero is better for a metric that is minimised.

    Examples
    --------
    ``expected -0.05 (sd 0.02), got -0.02, 95% interval -0.03 to -0.01: better, but less than expected``
    """
    text = " ".join(e.proposal.expect.split())
    if not text:
        return ""
    found = parse_forecast(text, metric)
    expected = f"expected {format_forecast(*found)}" if found else f'expected "{text}"'
    if gain is None:
        return f"{expected}, got no value" if e.verdict is not None and e.value is None else expected
    flip = -1 if metric.minimize else 1

    def change(value: float) -> str:
        size = _amount(gain, abs(value), sd)
        return size if not any("1" <= c <= "9" for c in size) else f"{'+' if flip * value > 0 else '-'}{size}"

    got = f"{expected}, got {change(gain.gain)}"
    if gain.low is None or gain.high is None:
        return got
    if gain.low < gain.high:
        got += f", 95% interval {' to '.join(change(end) for end in sorted((gain.low, gain.high), key=lambda v: flip * v))}"
    if found is None:
        return got
    hoped = flip * found[0]
    if gain.low <= hoped <= gain.high:
        return f"{got}: that agrees" if gain.low < gain.high else f"{got}: just that"
    if hoped < gain.low:
        return f"{got}: better than expected"
    return f"{got}: " + ("better, but less than expected" if gain.gain > 0 and hoped > 0 else "worse than expected")


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
