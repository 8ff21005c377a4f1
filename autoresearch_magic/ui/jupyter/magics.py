"""The magics ``%autoresearch`` and ``%%autoresearch``: run a line as a subcommand, and show the reply."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from IPython.display import display

from ...agents import registry as agent_registry
from ...errors import UserCodeError, UserError
from ...events import State
from ...study.registry import running
from ...study.study import Study
from ..commands.table import run
from ..progress_bar import Bar, follow, terminal_bar
from ..reply import Reply, prose_reply
from ..report import notebook_folder
from ..session import Session
from .announcer import Announcer
from .cells import Cells, listen, stop_listening
from .completion import make_matcher
from .defaults import Autoresearch
from .progress_bar import NotebookBar, in_notebook
from .result import Use, calling_frame, result_of, show_reply, use_of
from .saved_picture import SavedPicture, update_picture
from .serving import Serving, wait_serving
from .unseen import Unseen
from .variables import expand_variables

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class AutoresearchMagics(Magics):  # type: ignore[misc]
    """The magics; one session per kernel."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = Session(notebook=lambda: notebook_folder() if in_notebook() else None)
        self.defaults = Autoresearch(parent=shell)
        self.announcer = Announcer(shell)
        self.unseen = Unseen()
        self.cells = Cells(self.session)
        self.session.put_into_cell = self.cells.restore
        self.matcher: Any = None
        self._shown: set[tuple[str, float]] = set()  # name and elapsed time of studies whose traceback was shown

    # IPython's own expansion would also change what only looks like a variable: the {3} of a pattern, the $1 of a command.
    @no_var_expand  # type: ignore[untyped-decorator]
    @needs_local_scope  # type: ignore[untyped-decorator]
    @line_cell_magic  # type: ignore[untyped-decorator]
    def autoresearch(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Edit a cell, train, keep what helps, and repeat: ``%autoresearch help``."""
        names = {**(self.shell.user_ns if self.shell is not None else {}), **(local_ns or {})}
        self.session.expand = partial(expand_variables, names=names)
        use = use_of(calling_frame(_is_outside), getattr(self.shell, "ast_node_interactivity", "last_expr"))
        if cell is None and line.endswith(";") and not line.endswith("\\;"):
            # As behind an expression, it means: show nothing. Assigned values are given all the same.
            line, use = line[:-1], "used" if use == "used" else "quiet"
        try:
            if told := self.unseen.line(line):
                show_reply(prose_reply(told))
            return self.show(run(self.session, line, cell), use)
        except UserError as error:
            if isinstance(error, UserCodeError) and error.traceback:
                print(error.traceback, file=sys.stderr)
            # IPython shows a UsageError as one line without a traceback, and stops "run all" there.
            raise UsageError(str(error)) from None

    def show(self, reply: Reply, use: Use = "dropped") -> Any:
        """Do what a reply asks for, and show or return it: a reply with facts has a value, every other one is only shown.

        Parameters
        ----------
        reply : Reply
        use : {"shown", "dropped", "used", "quiet"}
            What is done with the returned value; see `use_of`.
        """
        value = None
        if reply.data is not None and use in ("shown", "used"):
            value = result_of(reply, use)
        elif use != "quiet":
            show_reply(reply)
        if reply.next_cell and self.shell is not None:
            self.shell.set_next_input(reply.next_cell, replace=False)
        self.run_here(reply)
        if reply.watch is not None:
            self.watch(reply.watch)
        if reply.wait is not None:
            self.wait(*reply.wait, question=reply.then is not None)
        if reply.then is not None:
            return self.show(reply.then(), use)
        if reply.work is not None:
            return self.show(self.work(reply.work), use)
        return value

    def run_here(self, reply: Reply) -> None:
        """Run what a reply wants to be run in the kernel."""
        for each in reply.run_here if self.shell is not None else ():
            if callable(each):
                each(self.shell.user_ns)
                continue
            done = self.shell.run_cell(each, silent=True)
            if not done.success:  # IPython has shown the traceback; the error ends this cell, and a "run all"
                error = done.error_before_exec or done.error_in_exec
                raise UserError(f"The code that was run in this kernel raised {type(error).__name__}.")

    def work(self, work: Callable[[Callable[[float, str], None]], Reply]) -> Reply:
        """Do work that takes a while, with a progress bar; an interrupt ends it."""
        bar = make_bar()
        with Serving() as serving:

            def show(share: float, text: str) -> None:
                bar.show(share, text)
                serving.serve()

            try:
                return work(show)
            except KeyboardInterrupt:
                raise UserError("Interrupted: nothing was written.") from None
            finally:
                bar.close()

    def watch(self, study: Study) -> None:
        """Show a study's panel and picture; in a terminal, print its kept experiments after the user's cells.

        One that another process runs is followed, also between two of its runs.
        """
        study.follow()
        if not in_notebook():
            study.observe(self.announcer)
            return
        try:
            from .panel import Panel
        except ModuleNotFoundError as error:
            print(
                f"There is no live panel without {error.name}: pip install anywidget ipywidgets  and restart the kernel."
            )
            study.observe(self.announcer)
        else:
            display(Panel(study))
        SavedPicture(study)

    def wait(self, study: Study, timeout: float | None, *, question: bool = False) -> None:
        """Wait with a progress bar, for a study or the answer to a question; an interrupt leaves the study running."""
        elsewhere = study.state == State.ELSEWHERE  # then a pause may be lifted from there as well
        try:
            with Serving() as serving:
                # Where messages cannot be served, the panels cannot ask for updates: send them unasked.
                wait = partial(wait_serving, study, serving)
                over = follow(study, make_bar(), timeout, also=push_updates, to_end=elsewhere, wait=wait)
        except KeyboardInterrupt:
            raise UserError(f"Stopped waiting; {study.name} keeps running. End it with  %autoresearch stop") from None
        if in_notebook():
            update_picture(study)
        # A question to a failed study leaves the old message in place; there is a traceback only if the question failed.
        if study.state == State.FAILED and (study.status.traceback or not question):
            raise UserCodeError(study.status.message, self.new_traceback(study))
        if not over:
            print(f"{study.name} is still {study.state}. To wait longer:  %autoresearch wait")

    def new_traceback(self, study: Study) -> str:
        """Return a study's traceback, once; empty if it was shown already."""
        key = (study.name, study.status.elapsed)
        if key in self._shown:
            return ""
        self._shown.add(key)
        return study.status.traceback


def push_updates(study: Study) -> None:
    """Send the study's news to its open panels."""
    # No panel was shown where its module was not imported: in a terminal, and where its packages are missing.
    if (panel := sys.modules.get(f"{__package__}.panel")) is not None:
        panel.push_updates(study)


def _is_outside(module: str) -> bool:
    """Whether a frame of this module is the user's: none of ours, and none of IPython's on the way to a magic."""
    return not module.startswith(("autoresearch_magic.", "IPython.", "decorator"))


def make_bar() -> Bar:
    """Return a progress bar for the front end."""
    return NotebookBar() if in_notebook() else terminal_bar(wording=str)


def load(shell: InteractiveShell) -> None:
    """Register magics, completion and the announcer."""
    magics = AutoresearchMagics(shell)
    shell.register_magics(magics)
    magics.session.defaults = magics.defaults.given
    shell.configurables.append(magics.defaults)
    magics.matcher = make_matcher(magics.session)
    shell.Completer.custom_matchers.append(magics.matcher)
    shell.events.register("post_run_cell", magics.announcer.flush)
    shell.events.register("post_run_cell", magics.unseen.cell_ended)
    listen(magics.cells)
    agent_registry.ask_key = ask_key
    _loaded[id(shell)] = magics


def ask_key() -> str:
    """Ask the user for an API key; it is kept in memory only. Empty if nobody can be asked, as in a headless run."""
    try:
        return getpass.getpass("API key (used from memory, never stored): ")
    except Exception:  # a kernel without standard input raises an error of its own type
        return ""


def unload(shell: InteractiveShell) -> None:
    """Stop the running study and undo what `load` has registered."""
    if (study := running()) is not None:
        study.stop()
        print(f"{study.name} is stopped; its journal is kept. Continue with  %autoresearch resume {study.name}")
    agent_registry.ask_key = None
    if (magics := _loaded.pop(id(shell), None)) is not None:
        shell.events.unregister("post_run_cell", magics.announcer.flush)
        shell.events.unregister("post_run_cell", magics.unseen.cell_ended)
        shell.Completer.custom_matchers.remove(magics.matcher)
        shell.configurables.remove(magics.defaults)
        stop_listening(magics.cells)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("autoresearch", None)


_loaded: dict[int, AutoresearchMagics] = {}
