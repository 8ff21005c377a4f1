"""The kernel's side of the JupyterLab extension: what it shows of studies outside of their panels, and versions put into the target cell.

The extension opens a comm for each notebook whose kernel has the magics (`labextension/link.js`). Messages are dicts with a ``type``.

From the extension: ``hello`` with ``page``, the same before and after a reload; ``which`` with ``texts`` of target cells; ``version`` with ``study``
and ``number``; ``command`` with a ``name`` of `COMMANDS`; ``take`` and ``done`` for a version that it was offered. A ``key`` is repeated in the
answer, which has ``refused`` where it could not be done.

From the kernel: ``studies``, unasked, when they have changed, at most once a second and never while nothing happens; ``which`` with a version
or None for each text; ``offer``, ``give`` or ``late`` for a version to be put into the target cell.

A version is offered to all pages of a notebook, and given to the first one that takes it in time: a page that is closed, or hears of it too late,
changes nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ...errors import UserError
from ...study.registry import registered
from ...study.study import Study
from ..commands.table import run
from ..session import Session
from .cell_versions import cell_studies, study_facts, target_cell, version_facts
from .comms import answer_in_asking_thread
from .progress_bar import in_notebook
from .serving import Serving

COMMANDS = frozenset({"pause", "stop"})
"""Commands that the palette asks for without a cell: they only tell the study something."""
TARGET = "autoresearch_magic"
"""The name under which the extension opens its comm."""
PAUSE = 1.0
"""Seconds between two looks at the studies."""
PATIENCE = 2.0
"""Seconds in which a page has to take a version that it is offered; twice as many to put it into its place."""

Message = dict[str, Any]


@dataclass
class Offer:
    """A version that pages are offered, and what became of it."""

    number: int
    content: Message
    takes: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    late: bool = False
    message: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Give it to whoever asks first, and in time."""
        with self.lock:
            if self.late or self.takes.is_set():
                return False
            self.takes.set()
            return True

    def give_up(self) -> bool:
        """Give it to nobody any more; False when it has been taken."""
        with self.lock:
            self.late = True
            return not self.takes.is_set()


class Cells:
    """The open links to extensions, and what they were told last.

    Parameters
    ----------
    session : Session
        Where the palette's commands are carried out.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._links: dict[Any, Message] = {}  # comm -> what it was told last
        self._pages: dict[Any, str] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._offers: dict[int, Offer] = {}

    @property
    def connected(self) -> bool:
        """Whether an extension is connected; a page that was closed without a word counts as well."""
        return bool(self._links)

    def opened(self, comm: Any, message: Message) -> None:
        """Take the comm that an extension has opened; the comm manager calls this."""
        answer_in_asking_thread(comm)
        comm.on_msg(lambda message: self._take(comm, message["content"]["data"]))
        comm.on_close(lambda message: self._forget(comm))
        with self._lock:
            self._links[comm] = {}
        self._take(comm, message["content"]["data"])

    def close(self) -> None:
        """Close all links."""
        for comm in list(self._links):
            self._forget(comm)
            comm.close()

    def restore(self, study: Study, number: int) -> str:
        """Offer a version to the connected extensions, and wait until one has put it into the target cell.

        Returns
        -------
        str
            What has been done, in a sentence; empty where no extension has taken it.
        """
        if not self._links:
            return ""
        with self._lock:
            offer = Offer(len(self._offers) + 1, {**_version(study, number), "type": "give", "defined": True})
            self._offers[offer.number] = offer
        for comm in list(self._links):
            comm.send({"type": "offer", "offer": offer.number})
        _wait(offer.takes, PATIENCE)
        if offer.give_up():
            return ""
        if _wait(offer.done, 2 * PATIENCE) and offer.message:
            return offer.message
        return f"JupyterLab puts version {number} of {study.name} into the target cell."

    def _take(self, comm: Any, content: Message) -> None:
        key = {"key": content["key"]} if "key" in content else {}
        match content.get("type"):
            case "hello":
                self._greet(comm, str(content.get("page", "")))
            case "which":
                texts = [text for text in content.get("texts", []) if isinstance(text, str)]
                comm.send({"type": "which", "versions": [version_facts(text) for text in texts], **key})
            case "version" | "command" as kind:
                try:
                    answer = self._version(content) if kind == "version" else self._command(content)
                except UserError as error:
                    answer = {"type": kind, "refused": str(error)}
                comm.send({**answer, **key})
            case "take":
                offer = self._offers.get(content.get("offer", 0))
                taken = offer is not None and offer.take()
                comm.send({**(offer.content if offer and taken else {"type": "late"}), "offer": content.get("offer")})
            case "done":
                if (offer := self._offers.get(content.get("offer", 0))) is not None:
                    offer.message = str(content.get("message", ""))
                    offer.done.set()
            case _:
                pass  # of an extension that is newer than this package

    def _version(self, content: Message) -> Message:
        study = next((each for each in cell_studies() if each.name == content.get("study")), None)
        if study is None:
            raise UserError(f"This kernel has no study {content.get('study')!r} any more.")
        return _version(study, content.get("number", -1))

    def _command(self, content: Message) -> Message:
        if (name := content.get("name")) not in COMMANDS:
            raise UserError(f"The kernel does not know {name!r}.")
        return {"type": "command", "text": run(self._session, name).text}

    def _greet(self, comm: Any, page: str) -> None:
        with self._lock:
            # After a reload the same page says hello again, and nobody has closed its former link.
            former = [other for other, its in self._pages.items() if its == page and other is not comm]
            for other in former:
                self._links.pop(other, None)
                del self._pages[other]
            self._pages[comm] = page
            self._links[comm] = {}  # it may have missed something
            begin = self._thread is None or not self._thread.is_alive()
            if begin:
                self._thread = threading.Thread(target=self._push, name="autoresearch-cells", daemon=True)
        for other in former:
            other.close()
        self._tell(comm, studies_now())
        if begin and self._thread is not None:
            self._thread.start()

    def _forget(self, comm: Any) -> None:
        with self._lock:
            self._links.pop(comm, None)
            self._pages.pop(comm, None)

    def _push(self) -> None:
        """Tell all links what has changed, until there is none; runs in a thread of its own."""
        while self._links:
            time.sleep(PAUSE)
            now = studies_now()
            for comm in list(self._links):
                self._tell(comm, now)

    def _tell(self, comm: Any, now: Message) -> None:
        if self._links.get(comm, now) != now:
            self._links[comm] = now
            comm.send(now)


def _version(study: Study, number: int) -> Message:
    e = study.experiment(number)
    return {
        "type": "version", "study": study.name, "number": e.number, "source": study.restore(e.number), "cell": target_cell(e.target),
    }  # fmt: skip


def studies_now() -> Message:
    """Return what the extension knows of the studies all the time: the current one is first."""
    found = [study_facts(study) for study in reversed(registered()) if isinstance(study, Study)]
    return {"type": "studies", "studies": found}


def _wait(event: threading.Event, seconds: float) -> bool:
    """Wait for an answer of the front end, which may come in where the waiting cell has to serve it."""
    end = time.monotonic() + seconds
    with Serving() as serving:
        while not event.is_set() and (left := end - time.monotonic()) > 0:
            if not serving.serve(min(left, 0.05)):
                event.wait(left)
    return event.is_set()


def listen(cells: Cells) -> None:
    """Let extensions open links to this kernel; without a kernel there is nothing to do."""
    if in_notebook():
        from comm import get_comm_manager  # a part of every kernel

        get_comm_manager().register_target(TARGET, cells.opened)


def stop_listening(cells: Cells) -> None:
    """Undo `listen`."""
    if in_notebook():
        from comm import get_comm_manager

        get_comm_manager().unregister_target(TARGET, cells.opened)
        cells.close()
