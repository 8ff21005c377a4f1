"""Follow a study that another process runs: fold what it writes into the journal into this process's status of the study.

The status of such a study is brought up to date whenever it is asked for (`BackgroundStudy.status`), and once a second while something
watches (`FollowingThread`). Each look reads only what is new in the journal, and publishes the same events as the loop would, as far as
the journal tells them. Opening a study is a first look. Nothing is written, so a study can be followed that may only be read.
"""

from __future__ import annotations

import operator
import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..events import (
    Confirmed,
    Drawn,
    Event,
    Judged,
    Notice,
    Proposed,
    Publish,
    Remeasured,
    RunEnded,
    RunProgress,
    RunStarted,
    Spent,
    State,
    StateChanged,
)
from ..experiment import Experiment, Proposal
from ..judging.headline import confirmed, runs_by_seed
from ..storage.contents import Contents
from ..storage.journal import Journal
from ..storage.news import News, Position, read_news
from ..storage.rows import Run
from ..storage.trouble import Changed, changed, missing, remains
from .definition import read_settings
from .lines import line_notes, read_lines
from .live_record import LiveRecord, ToldRun
from .status import LiveRun, StudyStatus

EACH = 0.25
"""Seconds between two looks at most, however often the status is asked for."""

INTERVAL = 1.0
"""Seconds between two looks while something watches."""

PATIENCE = 2.0
"""Seconds to wait for a look of another thread."""

SETTLED = 2.0
"""Seconds after which a file's time of change tells whether it has changed: its clock may be coarse."""

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Of the journal's files: time of change, size and inode; None for one that is not there."""


class Follower:
    """Keeps the status of one study up to date with its journal, while another process may run it.

    Parameters
    ----------
    status : StudyStatus
    publish : callable
        Takes every event, and folds it into the status.
    locked : callable
        Whether a process works on the study.

    Attributes
    ----------
    ours : bool
        Whether this process runs the study: then there is nothing to follow.
    """

    def __init__(self, status: StudyStatus, publish: Publish, locked: Callable[[], bool]) -> None:
        self.ours = False
        self._status, self._publish, self._locked = status, publish, locked
        self._path, self._picture = status.folder / "journal.sqlite", status.folder / "progress.png"
        self._lock = threading.RLock()
        self._looking = self._gone = False
        self._looked_at = 0.0
        self._created: float | None = None
        self._forget()

    def _forget(self) -> None:
        """Read everything again at the next look."""
        self._stamp: Stamp = ()
        self._read = Contents()
        self._proposed: dict[int, str] = {}  # fingerprints of the proposals that were published
        self._settings: dict[str, Any] | None = None
        self._meta: dict[str, Any] = {}
        self._told: tuple[State, str] | None = None  # the state and message that were published last
        self._wrong = ""  # what is wrong with the journal
        self._adopted = False  # whether the status is that of this process's own run
        self._noticed = (0, 0)  # process and number of the last notice
        self._live: LiveRecord | None = None
        self._drawn = _changed_at(self._picture)

    # -- when to look -------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take a first look, without events.

        Raises
        ------
        UserError
            When the journal cannot be read.
        """
        with self._lock:
            self._look(first=True)

    def look(self, *, now: bool = False) -> None:
        """Bring the status up to date, unless that was done a moment ago, or another thread is about to do it.

        With `now` it is done in any case, where there is something to follow.
        """
        if self.ours or self._gone or self._status.state is State.NEW:
            return
        if not now and time.monotonic() - self._looked_at < EACH:
            return
        # Without `now` it never waits: the caller may hold what the other thread, which publishes events, needs.
        if not self._lock.acquire(timeout=PATIENCE if now else 0.0):
            return
        try:
            if self._looking or self.ours:
                return  # an observer asks for the status, or has started the study
            self._looking = True
            try:
                self._look()
            except (UserError, sqlite3.Error, OSError):
                pass  # it is being written, or cannot be read for a moment: the next look may succeed
            finally:
                self._looking = False
                self._looked_at = time.monotonic()
        finally:
            self._lock.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """End the following, because this process starts the study; it goes on when an exception leaves the block."""
        self.look(now=True)
        with self._lock:
            self.ours = True
        try:
            yield
        except BaseException:
            self.ours = False
            raise

    def adopt(self) -> None:
        """Begin to follow when this process's own run has ended: only what is written from now on is news."""
        with self._lock:
            self._forget()
            self._adopted = True
            try:
                self._stamp = self._stamp_now()
                with Journal(self._path) as journal:
                    self._created = journal.get("created")
            except (UserError, sqlite3.Error, OSError):
                pass
            self.ours = False

    def _stamp_now(self) -> Stamp:
        found: list[tuple[int, int, int] | None] = []
        for path in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            try:
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
            except FileNotFoundError:
                found.append(None)
        return tuple(found)

    def _look(self, *, first: bool = False) -> None:
        stamp = self._stamp_now()
        if stamp[0] is None and not first:
            if remains(self._status.folder):
                self._fail(str(missing(self._path)))
            elif self._status.state is State.ELSEWHERE:
                self._end("Its folder was deleted.")
            return
        newest = max(each[0] for each in stamp if each is not None) if any(stamp) else 0
        news, lines, gains = None, [], None
        if first or stamp != self._stamp or time.time() - newest / 1e9 < SETTLED:
            with Journal(self._path) as journal:
                self._check(journal, first=first)
                news = read_news(journal, self._read.position)
                lines = line_notes(journal) if self._status.settings.lines > 1 else []
                gains = journal.get("gains") if first else None
                if self._created not in (None, news.meta["created"]):
                    self._end(
                        f"Another study has taken its place: open it again with  %autoresearch watch {self._status.name}"
                    )
                    return
            self._stamp = stamp
        found = news is not None and self._fold(news, first=first)
        self._status.believed.take(self._status, gains)
        if lines and not self.ours:
            self._status.lines = read_lines(lines, self._status.settings.lines, len(self._read.judged))
        self._fold_state(first=first, found=found)
        if (drawn := _changed_at(self._picture)) != self._drawn:
            self._drawn = drawn
            self._tell(Drawn(last=self._status.state is not State.ELSEWHERE))

    def _check(self, journal: Journal, *, first: bool) -> None:
        """See whether the journal is what was written to it: at first the end of it, later that it goes on from what was read."""
        try:
            if first:
                journal.check()
            elif not journal.continues(self._read.position.head):
                raise changed(self._path, "what was read from it before is not in it any more")
        except Changed as error:
            self._wrong = str(error)

    def _fail(self, why: str) -> None:
        """Show that the journal is gone, until there is one again."""
        if self._told != (State.FAILED, why):
            self._adopted, self._told, self._stamp = False, (State.FAILED, why), ()
            self._tell(StateChanged(State.FAILED, why))

    def _end(self, why: str) -> None:
        self._gone = True
        self._status.elsewhere = None
        self._status.end()
        self._tell(StateChanged(State.STOPPED, why))

    def _tell(self, event: Event) -> None:
        if not self.ours:  # an observer may have started the study
            self._publish(event)

    # -- experiments and runs ---------------------------------------------------------------------------------------

    def _fold(self, news: News, *, first: bool) -> bool:
        """Take what is new; return whether it was anything that the status did not have."""
        status = self._status
        again = self._read.position == Position()  # everything was read, also what the status has already
        self._created, self._meta = news.meta["created"], dict(news.meta)
        settled = self._take_settings(news.meta["settings"])
        changed = self._read.take(news)
        known, before = self._read.experiments, status.experiments
        for number in changed if again else ():
            if number < len(before) and _same(before[number], known[number]):
                known[number] = before[number]  # measured here, with its whole curve
        changed = {n for n in changed if n >= len(before) or before[n] is not known[n]}
        fresh = news.runs[len(status.runs) :] if again else news.runs
        found = bool(settled or fresh or changed)
        if not first:
            for event in self._events(sorted(changed), fresh):
                self._tell(event)
        if self.ours:
            return found
        judged = self._read.judged
        if len(judged) != len(status.experiments) or not all(map(operator.is_, judged, status.experiments)):
            status.experiments = judged
        status.pending = min(self._read.unjudged, default=None)
        if status.runs != (
            runs := self._read.runs_in_short
        ):  # runs of a proposal that was reworked count as such from then on
            status.runs = list(runs)
        if first or found:
            self._fold_result(first=first)
        spent = self._read.unclaimed
        if first:
            status.unclaimed = spent
        elif spent != status.unclaimed and not (again and not found):
            self._tell(Spent(spent))
        return found

    def _take_settings(self, settings: dict[str, Any] | None) -> bool:
        """Take other settings that another process has resumed the study with; return whether they are others."""
        before, self._settings = self._settings, settings
        if settings is None or settings == before:
            return False
        made = read_settings(settings)
        if made == self._status.settings:
            return False
        self._status.definition = replace(self._status.definition, settings=made)
        return True

    def _events(self, changed: list[int], runs: Iterable[Run]) -> Iterator[Event]:
        """Yield the events that have led to what is known now, in the order in which they happened."""
        count = len(self._status.experiments)
        later = deque(n for n in changed if n >= count)
        for run in runs:
            while later and later[0] < run.experiment and run.kind in ("baseline", "candidate"):
                yield from self._verdict(later.popleft())
            if later and later[0] == run.experiment:
                yield from self._proposal(run.experiment)
            yield RunEnded(run.experiment, run.kind, run.measurement)
        for number in changed:
            if number < count:
                yield Remeasured(self._read.experiments[number])
        for number in later:
            yield from self._verdict(number)

    def _proposal(self, number: int) -> Iterator[Event]:
        e = self._read.experiments[number]
        if self._proposed.get(number) != e.fingerprint:
            self._proposed[number] = e.fingerprint
            yield Proposed(e)

    def _verdict(self, number: int) -> Iterator[Event]:
        yield from self._proposal(number)
        if self._read.experiments[number].verdict is not None and number == len(self._status.experiments):
            yield Judged(self._read.experiments[number])

    def _fold_result(self, *, first: bool) -> None:
        """Take the confirmed result, if there is one."""
        status, result, best = self._status, None, self._status.incumbent
        if best is not None and best.number > 0:
            least = min(len(runs_by_seed(self._read.finals.get(number, ()))) for number in (best.number, 0))
            ended = self._meta["state"] == State.FINISHED
            # A study that was stopped in its confirmation has no result yet: a report or a resume makes the missing runs.
            if ended or least >= status.settings.repeats:
                result = confirmed(
                    best, self._read.finals, status.metric, status.settings.repeats, status.settings.holdout_name
                )
        if first or result is None:
            status.headline = result
        elif result != status.headline:
            self._tell(Confirmed(result))

    # -- the state --------------------------------------------------------------------------------------------------

    def _fold_state(self, *, first: bool, found: bool) -> None:
        """Take the state, and of a study that is run elsewhere what its process tells."""
        status, meta = self._status, self._meta
        if not meta:
            return  # nothing was written since this process's own run
        written, message = State(meta["state"] or State.STOPPED), meta["message"] or ""
        record = LiveRecord.from_json(meta["live"])
        # Only a live process can have such a state. One that ends lets go of the study when its last picture is drawn.
        works = (written.active or first or status.state is State.ELSEWHERE) and self._locked()
        if self._adopted and not works and not found and not self._wrong:
            return  # as it has ended here, in its own words
        self._adopted = False
        state = written
        if works:
            state, message = State.ELSEWHERE, record.words if record else ""
        elif written.active:
            which = f"The process {record.pid} that ran it" if record else "The process that ran it"
            state, message = State.STOPPED, f"{which} was killed or has crashed; what it had recorded is kept."
        if self._wrong:
            state, message = state if works else State.FAILED, self._wrong
        record = record if works else None
        status.elsewhere = record
        self._fold_time(record)
        self._fold_run(record)
        if first:
            self._noticed = _last_notice(record) or (0, 0)
            status.state, status.message = state, message
        else:
            self._tell_notices(record)
            if (state, message) != self._told:
                self._tell(StateChanged(state, message))
            if not self.ours:
                status.message = message
                status.lasting.clear()  # the journal's message has them
        self._told = state, message

    def _tell_notices(self, record: LiveRecord | None) -> None:
        if record is None:
            return
        pid, seen = self._noticed
        for number, text, lasting in record.notices:
            if record.pid != pid or number > seen:
                self._tell(Notice(text, lasting))
        self._noticed = _last_notice(record) or self._noticed

    def _fold_time(self, record: LiveRecord | None) -> None:
        """Take how long the study has been at work."""
        status = self._status
        if record is None or record.seconds is None:
            status.end()
            status.seconds = self._meta["seconds"] or sum(seconds for _, seconds in status.runs)
        elif record != self._live:
            status.goes_on(record.seconds + max(0.0, time.time() - record.at))
        self._live = record

    def _fold_run(self, record: LiveRecord | None) -> None:
        """Take the run in progress, as far as it was told."""
        status = self._status
        # A run that has ended since it was told is over; of several in progress the others are not.
        current = record is not None and (record.runs == len(self._read.runs) or status.settings.side_by_side)
        every = [each for each in (record.run, *record.others) if each] if record and current else []
        if not every:
            status.lives = {}
            return
        if gone := status.lives.keys() - {told.slot for told in every}:
            status.lives = {slot: live for slot, live in status.lives.items() if slot not in gone}
        for told in every:
            live = status.lives.get(told.slot)
            run = told.number, told.kind, told.repeat, told.flying
            if live is None or (live.experiment.number, live.kind, live.repeat, live.flying) != run:
                experiment = self._experiment(told)
                self._tell(
                    RunStarted(experiment, told.kind, told.repeat, told.repeats, told.slot, told.place, told.flying)
                )
                live = status.lives.get(told.slot)
            if live is not None:
                for event in _progress(live, told):
                    self._tell(event)

    def _experiment(self, told: ToldRun) -> Experiment:
        """Return the experiment of a run; that of the user's comparisons is in no table, and one in flight has another number there."""
        known = None if told.kind == "trial" or told.flying else self._read.experiments.get(told.number)
        return known or Experiment(told.number, None, Proposal("", told.summary))


class FollowingThread(threading.Thread):
    """Looks once a second what another process does to a study, so that observers receive its events.

    It holds the study weakly, and ends with it, when `end` is called, or when this process starts the study.

    Parameters
    ----------
    name : str
        The study's.
    follower : Follower
    """

    def __init__(self, name: str, follower: Follower) -> None:
        super().__init__(name=f"following-{name}", daemon=True)
        self._follower, self._ended = weakref.ref(follower), threading.Event()

    def end(self) -> None:
        """End it; a look that is in progress ends first."""
        self._ended.set()

    def run(self) -> None:
        """Look until it is ended."""
        while (follower := self._follower()) is not None and not follower.ours:
            follower.look()
            del follower
            if self._ended.wait(INTERVAL):
                return


def _progress(live: LiveRun, told: ToldRun) -> Iterator[Event]:
    """Yield what a run's progress has come to."""
    last = live.curve[-1].elapsed if live.curve else -1.0
    for point in told.curve:
        if point.elapsed > last:
            yield RunProgress(told.number, "training", point.elapsed, point.progress, point.step, point, told.slot)
    if told.phase == "setup":
        yield RunProgress(told.number, "setup", told.elapsed, 0.0, 0, slot=told.slot)
        return
    if (live.elapsed, live.progress, live.step) != (told.elapsed, told.progress, told.step):
        yield RunProgress(told.number, "training", told.elapsed, told.progress, told.step, slot=told.slot)
    if told.phase == live.phase:
        return
    if told.phase == "evaluating":
        yield RunProgress(told.number, "evaluating", 0.0, 1.0, 0, slot=told.slot)
    elif told.phase == "guard":
        yield RunProgress(told.number, "guard", 0.0, 1.0, 0, slot=told.slot)


def _same(a: Experiment, b: Experiment) -> bool:
    """Whether an experiment of this process's own run is the one that the journal holds, whose curves and outputs may be shorter."""
    return all(
        getattr(a, name) == getattr(b, name)
        for name in ("verdict", "reason", "commit", "since", "fingerprint", "value")
    ) and len(a.measurements) == len(b.measurements)


def _last_notice(record: LiveRecord | None) -> tuple[int, int] | None:
    return (record.pid, record.notices[-1][0]) if record and record.notices else None


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
