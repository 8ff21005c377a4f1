"""One experiment, closely: reasoning, evidence, what it changed in colours, and the end of its output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ...budget import format_duration
from ...experiment import Experiment
from ...metric import format_numbers
from ...study.evidence import details
from ...study.study import Study
from ...text import counted
from ..highlight import Line, diff_rows, tokens, unified
from . import look

MOST_LINES = 2000
"""Lines of a difference or a source that are shown."""
MOST_OUTPUT = 12_000
"""Characters of the end of the output."""


class DetailScreen(ModalScreen[None]):
    """Shows one experiment, and by the arrow keys its neighbours in the table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter", "dismiss(None)", "Close"), ("left", "turn(-1)", "Above"), ("right", "turn(1)", "Below"),
        ("d", "against", "Compare with"),
    ]  # fmt: skip

    def __init__(self, study: Study, number: int, neighbour: Callable[[int], int]) -> None:
        super().__init__()
        self._study, self._number, self._neighbour = study, number, neighbour
        self._from_baseline = False

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with VerticalScroll(id="detail"):
            yield Static(id="closely")

    def on_mount(self) -> None:
        """Show the experiment."""
        self.show(self._number)

    def show(self, number: int) -> None:
        """Show another experiment."""
        self._number = number
        e = self._study.experiment(number)
        against = 0 if self._from_baseline and number else e.parent
        self.query_one("#closely", Static).update(closely(self._study, e, against))
        frame = self.query_one("#detail", VerticalScroll)
        frame.border_title = Text(f" Experiment {number} ")
        frame.border_subtitle = Text(
            " Esc close · ← → others · d from the baseline " if number else " Esc close · ← → others "
        )
        frame.scroll_home(animate=False)

    def action_turn(self, by: int) -> None:
        """Show the neighbour in the table."""
        if (number := self._neighbour(by)) >= 0:
            self.show(number)

    def action_against(self) -> None:
        """Compare with the baseline in place of the version that it was made from, or the other way round."""
        self._from_baseline = not self._from_baseline
        self.show(self._number)


def closely(study: Study, e: Experiment, against: int | None) -> Text:
    """Return all that is shown of an experiment.

    Parameters
    ----------
    study : Study
    e : Experiment
    against : int or None
        The number of the experiment that its source is compared with; None shows the source alone.
    """
    status = study.status
    gain = status.gains.get(e.number)
    character, style = look.mark(e, gain is not None and gain.proven)
    text = Text.assemble(
        (f"{character} {e.verdict}", style),
        "  ",
        (f"{status.metric.name} {status.format(e.value)}", "bold"),
        f"  {e.summary}\n\n",
    )
    runs = [
        counted(len(e.measurements), "run"),
        format_duration(round(e.seconds, 1)) if e.seconds else "",
        e.proposal.agent,
    ]
    facts = [
        ("Hypothesis", e.proposal.hypothesis), ("Expected effect", e.proposal.expect), *details(e, gain, status.spread(e)),
        ("What decided", e.reason), ("Also measured", format_numbers(e.numbers, 600)), ("Notes", " · ".join(e.notes)),
        ("Runs", " · ".join(each for each in runs if each)), ("Memory", f"{e.memory:.2f} GiB" if e.memory else ""), ("Commit", e.commit[:12]),
    ]  # fmt: skip
    for name, said in facts:
        if said:
            text.append(f"{name}: ", look.QUIET).append(f"{said}\n")
    text.append_text(_source(study, e, against))
    last = e.measurements[-1] if e.measurements else None
    if last is not None and last.traceback:
        text.append("\nError\n", "bold").append(f"{last.traceback.rstrip()}\n", look.BAD)
    if last is not None and last.output:
        text.append("\nOutput (the end of it)\n", "bold").append(Text.from_ansi(last.output[-MOST_OUTPUT:])).append(
            "\n"
        )
    return text


def _source(study: Study, e: Experiment, against: int | None) -> Text:
    if against is None or against == e.number:
        text = Text().append("\nSource\n", "bold")
        for line in tokens(e.target)[:MOST_LINES]:
            text.append_text(_coloured(line)).append("\n")
        return text
    before = study.experiment(against)
    text = Text().append(
        f"\nWhat it changed, against {f'experiment {against}' if against else 'the baseline'}\n", "bold"
    )
    lines = list(unified(diff_rows(before.target, e.target)))
    if not lines:
        return text.append("Nothing: the two are the same.\n", look.QUIET)
    for each in lines[:MOST_LINES]:
        match each.sign:
            case "@":
                text.append(f"  ⋯ {counted(each.row.skipped, 'line')} the same\n", look.QUIET)
            case "#":
                text.append(f"{each.row.path} ({each.row.status})\n", "bold underline")
            case _:
                colour = {"-": look.BAD, "+": look.GOOD}.get(each.sign, look.QUIET)
                number = each.row.before if each.sign == "-" else each.row.after
                text.append(f"{number or '':>4} ", look.QUIET).append(f"{each.sign} ", colour)
                text.append_text(_coloured(each.line, colour if each.sign != " " else "", each.marks)).append("\n")
    if len(lines) > MOST_LINES:
        text.append(f"… {len(lines) - MOST_LINES:,} more lines: autoresearch diff {e.number}\n", look.QUIET)
    return text


def _coloured(line: Line, colour: str = "", marks: Iterable[tuple[int, int]] = ()) -> Text:
    """Return a line of source; changed lines have one colour, and what differs within them is underlined."""
    text = Text()
    for kind, part in line:
        text.append(part, colour or look.TOKENS.get(kind, ""))
    for start, end in marks:
        text.stylize("bold underline", start, end)
    return text
