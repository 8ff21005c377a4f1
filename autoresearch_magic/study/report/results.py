"""The sections of a report that say what was found: the result, what was kept, what was close, what failed, what paid off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...budget import format_duration
from ...events import State
from ...experiment import Experiment, Verdict
from ...headline import Headline
from ...judging.analysis.format import evals_lines
from ...judging.analysis.models import Findings, Group
from ...metric import format_number
from ...text import counted, shorten
from ..evidence import NOTE, chance, ends, interval, proof, signed, verdict_words
from ..gain_words import beyond_chance, gain_text
from ..holdout import contradicts, holdout_gain, holdout_text, share_text, warning
from ..status import StudyStatus
from ..summary import counts, headline_values, run_line
from .code import difference
from .markup import Html, Part, join, tag

LADDER, OPENED = 40, 3
"""Kept changes that are shown with their differences; how many of those are open."""
NEAR, FAILURES, KINDS = 8, 12, 12
"""Rows of the tables."""
ROWS = 400
"""Experiments up to which all are in the table."""
LONG = 1_200
"""Characters of a text by an agent."""


# -- the result ---------------------------------------------------------------------------------------------------------


def headline(status: StudyStatus) -> Html:
    """Return what came out: a sentence, how it was measured, and what is still open."""
    said, how, tone = outcome(status)
    return join(
        tag("p", said, class_=f"headline {tone}"),
        tag("p", how, class_="how"),
        holdout(status),
        [tag("p", line, class_="note") for line in _state_notes(status)],
    )


def holdout(status: StudyStatus) -> Html | None:
    """Return what the holdout says, as a paragraph; None without one, and while the study searches."""
    head = status.told
    if head is None or not (said := holdout_text(head)):
        return None
    why = (
        " The holdout was measured in these runs alone, and decided nothing: a search among many versions also picks what happens to suit the "
        "validation data, which is the selection's share."
        if head.holdout is not None
        else ""
    )
    return tag("p", tag("strong", f"{warn} ") if (warn := warning(head)) else "", said, why, class_="how holdout")


def outcome(status: StudyStatus) -> tuple[str, str, str]:
    """Return the result in a sentence, how it was measured, and its tone (``good``, ``open`` or ``none``)."""
    metric, best, baseline, head = status.metric, status.incumbent, status.baseline, status.told
    tried = sum(e.number > 0 for e in status.experiments)
    if best is None or baseline is None or baseline.value is None:
        return f"No result: {metric.name} of the baseline is not known.", "Nothing can be compared without it.", "none"
    start = status.format(baseline.value)
    if head is not None:
        ours, theirs = headline_values(status)
        times = "once" if head.repeats < 2 else f"{head.repeats} times"
        how = (
            f"Best and baseline were measured again {times} each, on fresh seeds, after the search: the best value that "
            "a search has seen is partly luck, this one is not."
        )
        if beyond_chance(head) and head.reach is not None:
            way = "fell" if metric.minimize else "rose"
            sensible = head.baseline and abs(head.gain) < 10 * abs(head.baseline)
            share = f", by {100 * abs(head.gain / head.baseline):.2g}%" if sensible else ""
            sure = (
                "exact, as every run gave the same" if head.reach == 0 else f"95% interval {lead_interval(head)} better"
            )
            gain = f"That is {format_number(head.gain, head.reach)} better, {sure}. "
            if contradicts(head):
                said = f"The holdout does not confirm it: {metric.name} {way} from {theirs} to {ours}{share} on the validation data alone."
                return said, gain + how, "open"
            return f"{metric.name} {way} from {theirs} to {ours}{share}.", gain + how, "good"
        return f"{metric.name} is {ours}, against {theirs} at the start.", f"That is {gain_text(head)}. {how}", "open"
    if best.number == 0:
        so_far = " so far" if status.state.ongoing else ""
        said = f"Nothing has beaten the baseline{so_far}: {metric.name} is {start}."
        if not tried:
            return said, "No change was tried yet." if status.state.ongoing else "No change was tried.", "none"
        how = f"{counted(tried, 'change')} {'was' if tried == 1 else 'were'} tried, and none was expected to be better."
        failed = counts(status.experiments)["failed"]
        if failed == tried:
            how = f"{'The one change' if tried == 1 else f'All {tried:,} changes'} that {'was' if tried == 1 else 'were'} tried failed."
        elif failed:
            how += f" {failed:,} of them failed."
        return said, how, "none"
    way = "fell" if metric.minimize else "rose"
    ours = status.format(best.value)
    if metric.gain(best.value or 0.0, baseline.value) > 0:
        said = f"In the search, {metric.name} {way} from {start} to {ours} (experiment {best.number})."
    else:
        said = f"In the search, {metric.name} is {ours} (experiment {best.number}), and was {start} at the start."
    runs = len(best.values)
    of = "one run" if runs == 1 else f"the {best.statistic} of {counted(runs, 'run')}"
    how = f"That is {of} of the search, and not yet measured again on fresh seeds: what looks best in a search is partly luck."
    return said, how, "open"


def lead_interval(head: Headline) -> str:
    """Return the interval of the gain of the best over the baseline: ``0.012 to 0.034``."""
    reach = head.reach or 0.0
    return " to ".join(format_number(head.gain + way * reach, reach) for way in (-1, 1))


def _state_notes(status: StudyStatus) -> Iterator[str]:
    doing = status.doing
    if status.state.ongoing:
        lives = [run_line(live, status.incumbent, status.metric) for _, live in sorted(status.lives.items())]
        live = f" Then: {'; '.join(lives)}." if lives else ""
        yield f"This report was made while the study was {'running' if doing is State.RUNNING else doing}; more may have been found since.{live}"
    elif status.state is State.FAILED:
        yield f"The study ended with an error: {status.message}"
    elif status.message:
        yield status.message


def tiles(status: StudyStatus) -> Html:
    """Return the figures of the study: best, baseline, gain, experiments, time, and the agent's cost."""
    best, baseline, head = status.incumbent, status.baseline, status.told
    n = counts(status.experiments)
    found: list[tuple[str, str, str]] = []
    name = status.metric.name
    if head is not None:
        ours, theirs = headline_values(status)
        again = f"{name}, measured again {counted(head.repeats, 'time')}"
        sds = ("", "") if head.repeats < 2 else (f"; sd {head.best_sd:.2g}", f"; sd {head.baseline_sd:.2g}")
        found = [(f"Best (experiment {head.number})", ours, again + sds[0]), ("Baseline", theirs, again + sds[1])]
        if head.reach:
            sure = f"; chance of being better {_percent(head.p_better)}" if head.p_better is not None else ""
            found.append(("Gain", format_number(head.gain, head.reach), f"95% interval {lead_interval(head)}{sure}"))
        elif head.reach == 0:
            found.append(("Gain", format_number(head.gain), "exact: every run gave the same"))
        if (held := head.holdout) is not None:
            words = f"{holdout_gain(head, held)}; {share_text(held, head.confidence)}"
            found.append((f"Holdout {held.name}", metric_text(status, held.best, held.best_sd), words))
    elif best is not None and baseline is not None:
        if best.number:
            runs = f"{name} in the search, {counted(len(best.values), 'run')}"
            found.append((f"Best (experiment {best.number})", status.format(best.value), runs))
        sd = status.spread(baseline)
        words = f"{name}, {counted(len(baseline.values), 'run')}" + (f"; sd of one run {sd:.2g}" if sd else "")
        found.append(("Baseline", status.format(baseline.value), words))
    parts = [f"{n['keep']:,} kept" + (f" ({len(status.proven):,} proven)" if n["keep"] else "")]
    parts += [f"{n['discard']:,} discarded", f"{n['failed']:,} failed"]
    found.append(("Experiments", f"{sum(n.values()):,}", ", ".join(parts)))
    ran = [seconds for _, seconds in status.runs]
    note = f"{counted(len(ran), 'run')}, {format_duration(max(0.1, round(sum(ran), 1)))} of running" if ran else ""
    found.append(("Time at work", format_duration(max(0.1, round(status.elapsed, 1))), note))
    used = status.usage
    if used.calls or used.tokens or used.cost:
        cost = "cost unknown" if used.cost is None else f"${used.cost:.2f}"
        words = (
            f"{counted(used.tokens, 'token')} in {counted(used.calls, 'call')}"
            if used.tokens
            else counted(used.calls, "call")
        )
        found.append(("Agent", cost, f"{status.settings.agent}; {words}"))
    return tag(
        "dl",
        (tag("div", tag("dt", a), tag("dd", b, class_="figure"), tag("dd", c, class_="quiet")) for a, b, c in found),
        class_="tiles",
    )


def metric_text(status: StudyStatus, value: float, sd: float) -> str:
    """Return a value on the holdout with the digits that the spread of its runs, else the study's noise, allows."""
    return status.metric.format(value, sd or status.noise.at(value))


def _percent(p: float) -> str:
    return ">99%" if p > 0.995 else "<1%" if p < 0.005 else f"{100 * p:.0f}%"


def other_numbers(status: StudyStatus) -> Html | None:
    """Return a table of what else the runs have measured, of baseline and best."""
    best, baseline = status.incumbent, status.baseline
    if best is None or baseline is None or not best.numbers:
        return None
    before = baseline.numbers
    heads = ["", "baseline"] if best.number == 0 else ["", "baseline", f"best (experiment {best.number})"]
    rows: list[list[Part]] = []
    for name, value in list(best.numbers.items())[:40]:
        was = format_number(before[name]) if name in before else "\u2013"
        rows.append([name, was] if best.number == 0 else [name, was, format_number(value)])
    return join(tag("h3", "Other numbers of the runs"), table(heads, rows, right=range(1, len(heads))))


# -- what was kept ------------------------------------------------------------------------------------------------------


def ladder(status: StudyStatus) -> Html:
    """Return the kept changes in their order, each with what it did, and its difference."""
    experiments = status.experiments
    kept = [e for e in experiments if e.verdict is Verdict.KEEP]
    if not kept:
        return tag("p", "Nothing was kept: the baseline is the best version.")
    shown = kept
    if len(kept) > LADDER:  # the largest gains, in the order of time
        gains = status.gains
        largest = sorted(kept, key=lambda e: -(gains[e.number].gain if e.number in gains else 0.0))
        chosen = {e.number for e in (kept[-1], *largest[: LADDER - 1])}
        shown = [e for e in kept if e.number in chosen]
    items = [_step(status, e, opened=n < OPENED) for n, e in enumerate(shown)]
    left = len(kept) - len(shown)
    return join(
        tag("p", NOTE, class_="quiet"),
        tag("p", f"The {len(shown)} largest gains of {len(kept):,}, and the last one; all are in the table below.")
        if left
        else None,
        tag("ol", items, class_="ladder"),
    )


def _step(status: StudyStatus, e: Experiment, opened: bool) -> Html:
    gain, sd = status.gains.get(e.number), status.spread(e)
    parent = status.experiments[e.parent] if e.parent is not None and e.parent < len(status.experiments) else None
    proven = e.number in status.proven
    facts: list[tuple[str, Part]] = []
    value = status.format(e.value)
    was = f", from {status.format(parent.value)}" if parent is not None else ""
    facts.append((status.metric.name, f"{value}{was} ({counted(len(e.measurements), 'run')})"))
    if gain is not None:
        sure = ends(gain, sd)
        facts.append(("Gain", f"{signed(gain, sd)}; {'' if sure.startswith('exact') else '95% interval '}{sure}"))
        facts.append(("Chance of being better", chance(gain)))
    facts.append(("Proven", proof(gain)))
    if e.proposal.hypothesis:
        facts.append(("Hypothesis", shorten(e.proposal.hypothesis, LONG)))
    if e.proposal.expect:
        came = f"; it was {signed(gain, sd)}" if gain is not None else ""
        facts.append(("Expected", f"{shorten(e.proposal.expect, LONG)}{came}"))
    than = "the baseline" if not e.parent else f"experiment {e.parent}"
    name = f"Change of experiment {e.number} to {than}"
    body = (
        None
        if parent is None
        else difference(parent.target, e.target, name, f"%autoresearch diff {e.parent} {e.number}")
    )
    return tag(
        "li",
        tag("h3", tag("span", str(e.number), class_="number"), " ", shorten(e.summary, 500) or "(no summary)", " ",
            tag("span", "proven" if proven else "not proven", class_="pill good" if proven else "pill")),
        tag("dl", (tag("div", tag("dt", a), tag("dd", b)) for a, b in facts), class_="facts"),
        body and tag("details", tag("summary", f"What changed in {than}"), body, open=opened),
        id=f"experiment-{e.number}",
    )  # fmt: skip


# -- what was not -------------------------------------------------------------------------------------------------------


def near_misses(status: StudyStatus) -> Html | None:
    """Return the discarded experiments with a better value than what they were compared with, and why they were not kept."""
    metric, experiments, gains = status.metric, status.experiments, status.gains
    found = []
    for e in experiments:
        if e.verdict is not Verdict.DISCARD or e.value is None or e.parent is None or e.parent >= len(experiments):
            continue
        value = experiments[e.parent].value
        if value is not None and metric.gain(e.value, value) > 0:
            gain = gains.get(e.number)
            found.append((-(gain.p_better or 0.0) if gain else 0.0, -metric.gain(e.value, value), e))
    if not found:
        return None
    found.sort(key=lambda each: (*each[:2], each[2].number))
    rows: list[list[Part]] = []
    for *_, e in found[:NEAR]:
        gain, sd = gains.get(e.number), status.spread(e)
        assert e.parent is not None
        than = status.format(experiments[e.parent].value)
        rows.append([
            str(e.number), status.format(e.value), than, signed(gain, sd), interval(gain, sd), chance(gain),
            [shorten(e.summary, 300), tag("span", shorten(e.reason, 400), class_="why")],
        ])  # fmt: skip
    heads = [
        "#",
        metric.name,
        "compared with",
        "expected gain",
        "95% interval",
        "chance",
        "change, and why it was not kept",
    ]
    left = len(found) - len(rows)
    return join(
        tag("p", f"{counted(len(found), 'discarded experiment')} had a better value than the version before, but not enough to build on."
            + (f" The {len(rows)} likeliest:" if left > 0 else "")),
        table(heads, rows, right=range(6), long=6),
    )  # fmt: skip


def failures(status: StudyStatus, found: Findings) -> Html | None:
    """Return the failures by cause, each with an example."""
    if not found.failures:
        return None
    items = []
    for each in found.failures[:FAILURES]:
        example = status.experiments[each.numbers[-1]] if each.numbers[-1] < len(status.experiments) else None
        run = next((m for m in example.measurements if not m.ok), None) if example else None
        tail = ((run.traceback or run.output) if run else "").strip()[-3000:]
        numbers = ", ".join(map(str, each.numbers[-8:]))
        several = len(each.numbers) > 1
        of = ("Experiments " if several else "Experiment ") + ("\u2026, " if len(each.numbers) > 8 else "") + numbers
        items.append(tag(
            "li",
            tag("h3", each.cause, " ", tag("span", counted(len(each.numbers), "time"), class_="pill bad")),
            tag("p", of, class_="quiet"),
            tag("p", "The latest: ", tag("q", shorten(example.summary, 300)) if example and example.summary else "no summary",
                f". {shorten(each.reason, 600)}" if each.reason else "."),
            tail and tag("details", tag("summary", "What it printed"),
                         tag("div", tag("pre", tag("code", tail), class_="code plain"), class_="scroll", tabindex="0", role="region",
                             aria_label=f"Output of experiment {each.numbers[-1]}")),
        ))  # fmt: skip
    left = len(found.failures) - len(items)
    return join(
        tag("ul", items, class_="causes"),
        tag("p", f"And {counted(left, 'cause')} more.", class_="quiet") if left else None,
    )


# -- what it means ------------------------------------------------------------------------------------------------------


def insights(found: Findings, stopped: str = "") -> Html:
    """Return what the history says: trend, keep rate, plateau, advice, and what kinds of change paid off."""
    lines = [(name, line) for name, line in evals_lines(found) if name not in ("Result", "Confirmed")]
    if stopped:
        lines.append(("Early stopping", stopped))
    parts: list[Part] = [
        tag("dl", (tag("div", tag("dt", name), tag("dd", line)) for name, line in lines), class_="facts")
    ]
    if found.kinds:
        parts += [tag("h3", "What kinds of change paid off"), _groups("change", found.kinds)]
    if len(found.agents) > 1:
        parts += [tag("h3", "By agent"), _groups("agent", found.agents)]
    return join(parts)


def _groups(what: str, groups: Sequence[Group]) -> Html:
    most = max((g.gain for g in groups), default=0.0)
    rows: list[list[Part]] = []
    for g in groups[:KINDS]:
        rate = f"{g.kept.share:.0%} ({100 * g.kept.low:.0f} to {100 * g.kept.high:.0f}%)"
        bar = (
            tag(
                "meter",
                f"{g.gain:.3g}",
                min=0,
                max=f"{most:.6g}",
                value=f"{max(0.0, g.gain):.6g}",
                aria_label=f"gain of {g.name}",
            )
            if most > 0
            else None
        )
        rows.append([g.name, str(g.kept.of), str(g.kept.hits), str(g.failed), rate, [f"{g.gain:.3g} ", bar]])
    left = len(groups) - len(rows)
    return join(
        table([what, "run", "kept", "failed", "keep rate (95% interval)", "sum of gains"], rows, right=range(1, 6)),
        tag("p", f"And {left} more.", class_="quiet") if left else None,
    )


def all_experiments(status: StudyStatus) -> Html:
    """Return a table of all experiments, or of the kept ones where there are very many."""
    every = status.experiments
    shown = every if len(every) <= ROWS else [e for e in every if e.kept][-ROWS:]
    heads = ["#", "verdict", status.metric.name, "runs", "seconds", "gain", "95% interval", "chance", "change"]
    rows: list[list[Part]] = []
    for e in shown:
        gain, sd = status.gains.get(e.number), status.spread(e)
        words = verdict_words(e, status.gains)
        mark = tag("strong" if e.kept else "span", words, class_="whole")
        rows.append([
            str(e.number), mark, status.format(e.value), str(len(e.measurements)), f"{e.seconds:.1f}", signed(gain, sd),
            interval(gain, sd), chance(gain), shorten(e.summary, 160),
        ])  # fmt: skip
    note = None
    if len(shown) < len(every):
        note = tag("p", f"The kept ones of {counted(len(every) - 1, 'experiment')}; all of them: ",
                   tag("code", "%autoresearch export history.csv"))  # fmt: skip
    return join(note, table(heads, rows, right=(0, *range(2, 8)), long=8))


def table(heads: Sequence[str], rows: Sequence[Sequence[Part]], right: Sequence[int] = (), long: int = -1) -> Html:
    """Return a table that can be scrolled sideways; the first cell of each row is its heading.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequence of parts
    right : sequence of int
        Columns that are aligned at the right.
    long : int
        A column of sentences.
    """
    aligned = set(right)

    def cells(row: Sequence[Part]) -> Iterator[Html]:
        for n, cell in enumerate(row):
            name = "r" if n in aligned else "long" if n == long else None
            yield tag("td", cell, class_=name) if n else tag("th", cell, class_=name, scope="row")

    head = (tag("th", each, scope="col", class_="r" if n in aligned else None) for n, each in enumerate(heads))
    body = (tag("tr", cells(row)) for row in rows)
    name = " ".join(each for each in heads if each)
    return tag(
        "div", tag("table", tag("thead", tag("tr", head)), tag("tbody", body)), class_="scroll", tabindex="0", role="region",
        aria_label=f"Table: {name}",
    )  # fmt: skip
