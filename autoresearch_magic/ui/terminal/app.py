"""The full-screen application: what happens in a study, as it happens, and the keys that steer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from ...errors import UserError
from ...experiment import Experiment
from ...judging.gains import Gain
from ...run_numbers import ShownNumber
from ...runs import Point
from ...study.shown_numbers import shown_numbers
from ...study.study import Study
from ..launch import launcher
from ..panel.gains import gains_of
from ..wording import for_shell
from .charts import HistoryChart, curve_chart
from .detail import DetailScreen
from .heading import heading
from .rows import Choice, Column, chosen, columns, head_line, row_line
from .table import ExperimentTable

INTERVAL = 0.5
"""Seconds between two looks at the study."""
WIDE = 110
"""Columns of the terminal from which the learning curve stands beside the chart."""
LOW = 18
"""Rows of the terminal below which there is no chart."""

HELP = """\
What is seen is what the journal of the study says, whoever runs it. To quit ends the view, never the study.

  p  pause after the current run         ↑ ↓  choose an experiment
  r  resume, or continue after a stop    Enter  see it closely
  s  stop the study (asks once)          k  kept experiments alone
  /  search (words, or #12)              f  failed ones alone
  o  newest, best, gain, slowest first   Esc  all again
  n  the chart of the next number        ?  this help
  q  quit

The chart: ◆ baseline, ● kept and proven, ○ kept and not proven yet, ∙ discarded, × failed, – stopped early or a duplicate, ▴ ▾ beyond the chart. The line is the best so far; ░ around it is one standard deviation of a run: what lies there may be as good. In the chart of a number that has a limit, ╌ is the limit and ! what is beyond it."""


class WatchApp(App[None]):
    """The live view of one study.

    Parameters
    ----------
    study : Study
    """

    TITLE = "autoresearch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #head { height: auto; padding: 0 1; }
    #charts { height: 1fr; min-height: 5; max-height: 40%; margin: 1 0 0 0; padding: 0 1; }
    #history { width: 1fr; height: 100%; }
    #curve { width: 36%; height: 100%; padding: 0 0 0 2; display: none; }
    #list { height: 1fr; padding: 0 1; }
    #caption, #columns { height: 1; }
    ExperimentTable { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    #search { display: none; height: 1; border: none; padding: 0 1; }
    .low #charts { display: none; }
    .wide #curve { display: block; }
    ModalScreen { align: center middle; }
    #detail { width: 94%; height: 92%; border: round $foreground; padding: 0 1; scrollbar-size-vertical: 1; }
    #closely { width: 100%; height: auto; }
    #asked { width: 64; max-width: 94%; height: auto; border: round $foreground; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause"), Binding("r", "resume", "Resume"), Binding("s", "stop", "Stop"), Binding("k", "kept", "Kept"),
        Binding("f", "failed", "Failed", show=False), Binding("o", "order", "Order"), Binding("n", "number", "Number", show=False), Binding("slash", "search", "Search", key_display="/"),
        Binding("escape", "all", "All", show=False), Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q,ctrl+c", "quit", "Quit", key_display="q"),
    ]  # fmt: skip

    def __init__(self, study: Study) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.study = study
        study.launcher = launcher(study)  # what is started from here goes on when the view is closed
        self.choice = Choice()
        self.gains: Mapping[int, Gain] = {}
        self.proven: frozenset[int] = frozenset()
        self._columns: list[Column] = []
        self._seen: tuple[Experiment, ...] | None = None
        self._gains_seen = ""
        self._chart: HistoryChart | None = None
        self._number = ""  # whose chart is shown; the metric's where it is empty
        self._curve_seen: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield Static(id="head")
        with Horizontal(id="charts"):
            yield Static(id="history")
            yield Static(id="curve")
        with Vertical(id="list"):
            yield Static(id="caption")
            yield Static(id="columns")
            yield ExperimentTable(self._draw_row)
        yield Input(placeholder="search: words, or #12", id="search")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look at the study."""
        self.query_one(ExperimentTable).focus()
        self.set_interval(INTERVAL, self.look)
        self.call_after_refresh(self.look)

    def on_resize(self, event: Resize) -> None:
        """Show what fits."""
        self.screen_stack[0].set_class(event.size.height < LOW, "low")
        self.screen_stack[0].set_class(event.size.width >= WIDE, "wide")
        self._seen = None
        self._curve_seen = ()
        self.call_after_refresh(self.look)

    # -- what is seen ---------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Show what is new in the study."""
        with suppress(NoMatches):  # while the view is closed, the timer may call once more when widgets are gone
            self._show_news()

    def _show_news(self) -> None:
        status = self.study.status
        self._take_gains()
        width = self.screen_stack[0].size.width - 2
        self._main("#head").update(heading(status, width, len(self.proven)))
        if status.experiments is not self._seen:
            self._seen = status.experiments
            self._fill()
        self._draw_curve()

    def _take_gains(self) -> None:
        """Take the gains; those of many experiments are worked out in a thread, and come a moment later."""
        known, status = gains_of(self.study).now(self.study), self.study.status
        if known.rows == len(status.experiments) and known.state != self._gains_seen:
            self._gains_seen = known.state
            self.gains, self.proven = status.gains, status.proven
            self._seen = None

    def _fill(self, *, keep: bool = True) -> None:
        status = self.study.status
        table = self._table
        rows = chosen(status.experiments, self.choice, self.gains, status.metric)
        self._columns = columns(status, self.gains, table.size.width - 1)
        self._main("#caption").update(Text(self.choice.words(len(rows), len(status.experiments)), "bold", no_wrap=True))
        self._main("#columns").update(head_line(self._columns))
        table.fill(rows, keep=keep)
        self._draw_history()

    def _draw_row(self, e: Experiment) -> Text:
        return row_line(e, self.study.status, self.gains, self.proven, self._columns)

    def _draw_history(self, *, anew: bool = True) -> None:
        status, chart = self.study.status, self._main("#history")
        width, height = chart.size.width, chart.size.height - 1
        if anew or self._chart is None:
            planned, noise = status.settings.planned or 0, status.noise.at
            number = self._shown_number()
            if number is None:
                self._chart = HistoryChart(status.experiments, self.proven, planned, noise, width, height)
            else:
                self._chart = HistoryChart(
                    status.experiments, self.proven, planned, lambda v: 0.0, width, height, number
                )
        head = Text(self._chart_heading(), "bold", no_wrap=True)
        head.truncate(width, overflow="ellipsis")
        chart.update(Text("\n").join([head, *self._chart.rows(self._table.number)]))

    def _shown_number(self) -> ShownNumber | None:
        status = self.study.status
        return next((n for n in shown_numbers(status.settings, status.experiments) if n.name == self._number), None)

    def _chart_heading(self) -> str:
        status, number = self.study.status, self._shown_number()
        if number is not None:
            return (
                f"{number.name} by experiment"
                + (f", limit {number.words}" if number.limits else "")
                + "; n: the next one"
            )
        more = shown_numbers(status.settings, status.experiments)
        direction = "lower" if status.metric.minimize else "higher"
        return f"{status.metric.name} by experiment, {direction} is better" + (f"; n: {more[0].name}" if more else "")

    def _draw_curve(self) -> None:
        chart, status = self._main("#curve"), self.study.status
        live, best = status.live, status.incumbent
        points: list[Point] = [] if live is None else live.curve
        beside = list(best.measurements[0].curve) if best is not None and best.measurements else []
        seen = (len(points), live and (live.experiment.number, live.repeat), best and best.number, chart.size)
        if not chart.display or seen == self._curve_seen:
            return
        self._curve_seen = seen
        who = "" if live is None else "of a new one" if live.flying else f"#{live.experiment.number}"
        where = f", {live.place}" if live is not None and live.place else ""
        what = f"{who}{where}, beside the best" if points else "of the best"
        rows = curve_chart(points, beside, chart.content_size.width, chart.content_size.height - 1)
        head = Text(f"Learning curve {what}" if points or beside else "", "bold", no_wrap=True)
        chart.update(Text("\n").join([head, *rows]))

    @property
    def _table(self) -> ExperimentTable:
        return self.screen_stack[0].query_one(ExperimentTable)

    def _main(self, selector: str) -> Static:
        return self.screen_stack[0].query_one(selector, Static)

    def on_experiment_table_moved(self) -> None:
        """Point out in the chart what the cursor is at."""
        self._draw_history(anew=False)

    def on_experiment_table_opened(self, message: ExperimentTable.Opened) -> None:
        """Show an experiment closely."""
        self.push_screen(DetailScreen(self.study, message.number, self._table.neighbour))

    # -- what is shown of the experiments --------------------------------------------------------------------------------

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self._fill(keep=False)

    def action_kept(self) -> None:
        """Show kept experiments alone, or all."""
        self._choose(replace(self.choice, shown="all" if self.choice.shown == "kept" else "kept"))

    def action_failed(self) -> None:
        """Show failed experiments alone, or all."""
        self._choose(replace(self.choice, shown="all" if self.choice.shown == "failed" else "failed"))

    def action_order(self) -> None:
        """Turn to the next order."""
        self._choose(self.choice.turned())

    def action_number(self) -> None:
        """Turn the chart to the next number, and from the last one back to the metric."""
        status = self.study.status
        names = ["", *(n.name for n in shown_numbers(status.settings, status.experiments))]
        at = names.index(self._number) if self._number in names else 0
        self._number = names[(at + 1) % len(names)]
        self._draw_history()

    def action_all(self) -> None:
        """Show all experiments again, and end the search."""
        self._close_search()
        self._choose(Choice(order=self.choice.order))

    def action_search(self) -> None:
        """Ask for words to search."""
        field = self.query_one("#search", Input)
        field.display = True
        field.value = self.choice.search
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits what has been typed so far."""
        self._choose(replace(self.choice, search=event.value))

    def on_input_submitted(self) -> None:
        """Keep the search, and go back to the table."""
        self._close_search()

    def _close_search(self) -> None:
        field = self.query_one("#search", Input)
        with field.prevent(Input.Changed):
            field.value = ""
        field.display = False
        self._table.focus()

    # -- what is done to the study ---------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        """Pause after the current run."""
        self._carry_out(self.study.pause, f"{self.study.name} pauses after the current run.")

    def action_resume(self) -> None:
        """Go on."""
        state = self.study.status.state
        if self.study.status.complete:
            self._tell(
                f"{self.study.name} is finished: autoresearch resume {self.study.name} -n {self.study.status.longer}",
                bad=True,
            )
            return
        starts = "" if state.ongoing else " in a process of its own"
        self._carry_out(self.study.resume, f"{self.study.name} goes on{starts}.")

    def action_stop(self) -> None:
        """Stop the study, once that is confirmed."""
        name = self.study.name
        if not self.study.status.state.ongoing:
            self._tell(f"{name} is {self.study.state} already.", bad=True)
            return

        def stop(sure: bool | None) -> None:
            if sure:
                self._carry_out(self.study.stop, f"{name} is stopped.")

        self.push_screen(
            Question(
                f"Stop {name}? The run in progress ends at once; r continues the study later.\n\ny  stop    n  go on"
            ),
            stop,
        )

    def action_help(self) -> None:
        """Show the help."""
        self.push_screen(Question(HELP, wide=True))

    def _carry_out(self, work: Callable[[], object], done: str) -> None:
        """Do in a thread what takes a second or two, because another process answers, and say what came of it."""

        def carry_out() -> None:
            try:
                work()
            except UserError as error:
                self.call_from_thread(self._tell, str(error), bad=True)
            else:
                self.call_from_thread(self._tell, done)

        self.run_worker(carry_out, thread=True, exit_on_error=False)

    def _tell(self, message: str, bad: bool = False) -> None:
        self.notify(for_shell(message), severity="error" if bad else "information", markup=False)
        self.look()


class Question(ModalScreen[bool]):
    """A text, and a question that y or n answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "dismiss(True)", "Yes"), ("n,escape,q,enter,question_mark", "dismiss(False)", "No"),
    ]  # fmt: skip

    def __init__(self, text: str, *, wide: bool = False) -> None:
        super().__init__()
        self._text, self._wide = text, wide

    def compose(self) -> ComposeResult:
        """Build the screen."""
        box = Static(Text(self._text), id="asked")
        if self._wide:
            box.styles.width = 110
        yield box


def watch_in_terminal(study: Study) -> None:
    """Show the live view until it is closed."""
    WatchApp(study).run()
