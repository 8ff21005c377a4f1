"""``%autoresearch`` and ``%%autoresearch``: read the line, let the session carry it out, show the reply."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.display import display

from ...agents import registry as agent_registry
from ...errors import UserCodeError, UserError
from ...events import State
from ...storage.folders import study_names
from ...study.registry import running
from ...study.study import Study
from ..commands import COMMANDS, option_names, run
from ..progress_bar import Meter, TerminalBar, TerminalMeter, follow
from ..reply import Reply
from ..session import Session
from .progress_bar import Announcer, NotebookBar, NotebookMeter, in_notebook

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class AutoresearchMagics(Magics):  # type: ignore[misc]
    """The magics; one session per kernel."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = Session()
        self.announcer = Announcer()
        self._told: set[tuple[str, float]] = set()  # tracebacks that were shown already

    @line_cell_magic  # type: ignore[untyped-decorator]
    def autoresearch(self, line: str, cell: str | None = None) -> None:
        """Edit a cell, train, keep what helps, and repeat: ``%autoresearch help``."""
        try:
            reply = run(self.session, line, cell)
            self.show(reply)
        except UserError as error:
            if isinstance(error, UserCodeError) and error.traceback:
                print(error.traceback, file=sys.stderr)
            # IPython shows a UsageError as one line without a traceback, and stops "run all" there.
            raise UsageError(str(error)) from None

    def show(self, reply: Reply) -> None:
        """Show a reply where the user is looking."""
        if reply.text:
            if in_notebook() and (markdown := reply.as_markdown()):
                display({"text/plain": reply.text, "text/markdown": markdown}, raw=True)
            else:
                print(reply.as_text())
        if reply.next_cell and self.shell is not None:
            self.shell.set_next_input(reply.next_cell, replace=False)
        if reply.watch is not None:
            self.watch(reply.watch)
        if reply.wait is not None:
            self.wait(*reply.wait, asked=reply.then is not None)
        if reply.then is not None:
            self.show(reply.then())
        if reply.work is not None:
            self.show(self.work(reply.work))

    def work(self, work: Callable[[Callable[[float, str], None]], Reply]) -> Reply:
        """Do what takes its time, with a bar; an interrupt ends it."""
        bar: Meter = NotebookMeter() if in_notebook() else TerminalMeter()
        try:
            return work(bar.put)
        except KeyboardInterrupt:
            raise UserError("Interrupted: nothing was written.") from None
        finally:
            bar.close()

    def watch(self, study: Study) -> None:
        """Show a study's panel and picture, or announce its keeps in a terminal."""
        if not in_notebook():
            study.observe(self.announcer)
            return
        from .panel import Panel
        from .saved_picture import Poster

        display(Panel(study))
        Poster(study)

    def wait(self, study: Study, timeout: float | None, *, asked: bool = False) -> None:
        """Wait with a bar, for a study or for the answer to a question; an interrupt ends the waiting, not the study."""
        try:
            over = follow(study, NotebookBar(study) if in_notebook() else TerminalBar(study), timeout)
        except KeyboardInterrupt:
            raise UserError(f"Stopped waiting; {study.name} goes on. End it with  %autoresearch stop") from None
        if in_notebook():
            from .saved_picture import refresh

            refresh(study)
        # A question leaves a study that had failed as it stands, and has a traceback only where it failed itself.
        if study.state == State.FAILED and (study.status.traceback or not asked):
            raise UserCodeError(study.status.message, self.untold(study))
        if not over:
            print(f"{study.name} is {study.state} still: %autoresearch wait waits on.")

    def untold(self, study: Study) -> str:
        """Return a study's traceback the first time it is asked for."""
        key = (study.name, study.status.elapsed)
        if key in self._told:
            return ""
        self._told.add(key)
        return study.status.traceback


def complete(shell: Any, event: Any) -> list[str]:
    """Complete subcommands, options, and names of studies."""
    words = event.text_until_cursor.split()
    begun = event.symbol
    before = words[1:-1] if begun and words[-1].endswith(begun) else words[1:]
    if not before:
        first = [*COMMANDS, *option_names("program")] if words[0].startswith("%%") else list(COMMANDS)
        return [name for name in first if name.startswith(begun)]
    name = before[0] if before[0] in COMMANDS else "program"
    # The completer may hand over only what stands behind the dashes.
    options = option_names(name)
    if words[-1].startswith("-") and not begun.startswith("-"):
        dashes = words[-1][: len(words[-1]) - len(begun)]
        return [option[len(dashes) :] for option in options if option.startswith(words[-1])]
    found = [option for option in options if option.startswith(begun)]
    if name in ("resume", "status", "history", "watch") and not begun.startswith("-"):
        found = [*study_names(), *found]
    if before[-1] == "--agent":
        from ...agents.registry import agent_names

        found = agent_names()
    return [each for each in found if each.startswith(begun)]


def load(shell: InteractiveShell) -> None:
    """Register magics, completion and the announcer."""
    magics = AutoresearchMagics(shell)
    shell.register_magics(magics)
    shell.set_hook("complete_command", complete, re_key=r"%%?autoresearch")
    shell.events.register("post_run_cell", magics.announcer.flush)
    agent_registry.ask_key = ask_key
    _loaded[id(shell)] = magics


def ask_key() -> str:
    """Ask for an API key; it stays in memory. Empty where nobody can be asked, as in a notebook run headless."""
    try:
        return getpass.getpass("API key (used from memory, never stored): ")
    except Exception:  # a kernel without a standard input raises its own kind of error
        return ""


def unload(shell: InteractiveShell) -> None:
    """Stop what runs and take everything back that `load` registered."""
    if (study := running()) is not None:
        study.stop()
        print(f"{study.name} is stopped; its journal stays. Go on with  %autoresearch resume {study.name}")
    agent_registry.ask_key = None
    if (magics := _loaded.pop(id(shell), None)) is not None:
        shell.events.unregister("post_run_cell", magics.announcer.flush)
    shell.Completer.custom_completers.regexs = {
        key: value
        for key, value in shell.Completer.custom_completers.regexs.items()
        if key.pattern != r"%%?autoresearch"
    }
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("autoresearch", None)


_loaded: dict[int, AutoresearchMagics] = {}
