"""Forecasts: what an agent expects of its proposal, as text (`Proposal.expect`) and as numbers.

A forecast is the change of the metric against the incumbent, in the metric's unit: negative is better for a metric that is
minimised. The tuner writes ``-0.031 (sd 0.05)``; language models write what they like. What is not clearly one change in the
metric's own unit is no forecast: a share ("2-3% better"), a level ("about 1.4"), several changes, a number without a direction.

Not here: what a forecast is worth, which the judge learns from how earlier ones came true.
"""

from __future__ import annotations

import math
import re

from ..metric import Metric

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_SIGNED = rf"(?P<sign>[+-]?)\s?(?P<size>{_NUMBER})"
_SPREAD = re.compile(
    rf"\(?\s*(?:±|\+/-|\+-|,?\s*\b(?:sd|std|stdev|sigma|standard deviation|standard error|se)\b\s*[=:]?)\s*(?P<spread>{_NUMBER})\s*\)?",
    re.IGNORECASE,
)
_FROM_TO = re.compile(rf"(?P<old>[+-]?{_NUMBER})\s*(?:->|=>|→|\bto\b)\s*~?\s*(?P<new>[+-]?{_NUMBER})", re.IGNORECASE)
_BETWEEN = re.compile(
    rf"(?P<s1>[+-]?)(?P<one>{_NUMBER})\s*(?:-|\.\.\.?|…|\bto\b|\band\b|\bor\b)\s*(?P<s2>[+-]?)(?P<two>{_NUMBER})",
    re.IGNORECASE,
)
_ONE = re.compile(_SIGNED)
_DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "‑": "-", "﹣": "-", "－": "-", "＋": "+"})
_ASIDE = re.compile(r"\(?\b(?:lower|higher|smaller|larger|less|more)\s+is\s+better\b\)?", re.IGNORECASE)
_SHARE = re.compile(
    rf"{_NUMBER}\s*(?:%|‰|percent|per cent|percentage|pp\b|points?\b|x\b|×|fold|times?\b)|\d,\d|\bhalf\b|\bhalv|\bdoubl",
    re.IGNORECASE,
)
_UNIT = re.compile(rf"{_NUMBER}\s*(ms|us|µs|μs|ns|min|kb|mb|gb|kib|mib|gib|k|m|s)\b", re.IGNORECASE)
_NONE = re.compile(
    r"\s*(?:about |roughly |~)?(?:no (?:change|effect|difference)|none|unchanged|neutral|the same)\.?\s*", re.IGNORECASE
)
_DOWN = re.compile(
    r"\b(?:lower|lowers|lowered|less|smaller|decreas\w*|reduc\w*|drop\w*|fall\w*|fewer|down|shorter|faster)\b",
    re.IGNORECASE,
)
_UP = re.compile(
    r"\b(?:higher|rais\w*|more|larger|increas\w*|ris(?:e|es|ing)|grow\w*|gain in|up|longer|slower)\b", re.IGNORECASE
)
_BETTER = re.compile(r"\b(?:better|improv\w*|gain\w*)\b", re.IGNORECASE)
_WORSE = re.compile(r"\b(?:worse\w*|degrad\w*|los(?:e|es|ing)|harm\w*)\b", re.IGNORECASE)


def format_forecast(mean: float, sd: float | None = None) -> str:
    """Return a forecast as text, such as ``-0.031 (sd 0.05)``; empty where it is no finite number.

    Parameters
    ----------
    mean : float
        Expected change of the metric.
    sd : float, optional
        Standard deviation of that expectation, without the noise of the runs that will measure it.
    """
    if not math.isfinite(mean):
        return ""
    if sd is None or not math.isfinite(sd) or sd < 0:
        return f"{mean:+.3g}"
    # The mean to a tenth of the second digit of its spread, so that a difference that means nothing looks like one.
    digits = (
        3 if not sd or not mean else min(9, max(2, 3 + math.floor(math.log10(abs(mean))) - math.floor(math.log10(sd))))
    )
    return f"{mean:+.{digits}g} (sd {sd:.2g})"


def parse_forecast(text: str, metric: Metric | None = None) -> tuple[float, float | None] | None:
    """Return the change of the metric that a text forecasts and its standard deviation (None where it has none).

    Parameters
    ----------
    text : str
        Such as ``-0.031 (sd 0.05)``, "about 0.01 lower", "−0.02 ± 0.01", "1.42 → 1.40" or "-0.01 to -0.03" (its middle, and half
        of its width as standard deviation).
    metric : Metric, optional
        Says what "0.01 better" means, and in which unit the value is; without it such texts are no forecast.

    Returns
    -------
    tuple or None
        None where the text is not clear.
    """
    text = _ASIDE.sub(" ", text.translate(_DASHES)).strip()
    if not text or len(text) > 400:
        return None
    if _NONE.fullmatch(text):
        return 0.0, None
    if _SHARE.search(text) or any(not _measured_in(unit, metric) for unit in _UNIT.findall(text)):
        return None
    if metric is not None:
        text = re.sub(re.escape(metric.name), " ", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<![\w.])[A-Za-z_]\w*\d\w*", " ", text)  # names such as top5 and f1
    spread = _SPREAD.search(text)
    sd = float(spread["spread"]) if spread else None
    if spread:
        text = text[: spread.start()] + " " + text[spread.end() :]
    mean = _mean(text, metric)
    if mean is None:
        return None
    middle, half = mean
    sd = sd if sd is not None else half
    if not math.isfinite(middle) or (sd is not None and not math.isfinite(sd)):
        return None
    return middle, sd


def _mean(text: str, metric: Metric | None) -> tuple[float, float | None] | None:
    """Return the change that a text without a standard deviation names, and half of its width where it names a range."""
    count = len(re.findall(rf"(?<![\w.]){_NUMBER}", text))
    if count == 2:
        way = _FROM_TO.search(text)
        if way and (re.search(r"\bfrom\b", text, re.IGNORECASE) or not re.search(r"\bto\b", text, re.IGNORECASE)):
            return float(way["new"]) - float(way["old"]), None
        if not (both := _BETWEEN.search(text)):
            return None
        one, two = float(both["one"]), float(both["two"])
        # "-0.01 to -0.03", "-0.01-0.03" and "0.01 to 0.03 lower"; "-0.01 to 0.03" reaches over zero
        signs = both["s1"], both["s2"]
        if signs == ("", ""):
            direction = _direction(text, metric)
            if not direction:
                return None
            one, two = direction * one, direction * two
        else:
            one = -one if signs[0] == "-" else one
            attached = not signs[1] and re.search(rf"{_NUMBER}-\s*{_NUMBER}", both[0]) is not None
            two = -two if signs[1] == "-" or (attached and signs[0] == "-") else two
        return (one + two) / 2, abs(one - two) / 2
    if count != 1:
        return None
    found = _ONE.search(text)
    if found is None:
        return None
    size = float(found["size"])
    if found["sign"]:
        return (-size if found["sign"] == "-" else size), None
    if size == 0:
        return 0.0, None
    direction = _direction(text, metric)
    return (direction * size, None) if direction else None


def _direction(text: str, metric: Metric | None) -> int:
    """Return which way a text without a sign says that the metric moves: 1 up, −1 down, 0 where it does not say."""
    ways = {way for way, words in ((-1, _DOWN), (1, _UP)) if words.search(text)}
    if metric is not None and not ways:
        better = -1 if metric.minimize else 1
        ways = {way for way, words in ((better, _BETTER), (-better, _WORSE)) if words.search(text)}
    return ways.pop() if len(ways) == 1 else 0


def _measured_in(unit: str, metric: Metric | None) -> bool:
    """Whether the metric's name says that it is measured in a unit, such as ``latency_ms``."""
    return metric is not None and unit.lower() in re.split(r"[^a-zµμ]+", metric.name.lower())
