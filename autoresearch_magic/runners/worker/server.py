"""The worker: one process per study that runs the setup once and starts every experiment as a fork of itself.

`autoresearch_magic.runners.worker.client` starts it with a socket, over which both send JSON lines::

    to the worker      {"do": "run", "id": 7, "job": {...}, "limit": 70.0, "log": "..."}
                       {"do": "kill", "id": 7, "why": "stopped"}
    from the worker    {"is": "ready", "mode": "fork", "why": "", "open": [], "copied": []}   or   {"is": "setup-failed", ...}
                       {"is": "event", "id": 7, "event": {...}}     (begin, tick, report, evaluating)
                       {"is": "done", "id": 7, "result": {...}}

A job is a target, which is executed in the fork (`child`), or a command, for which the fork becomes a shell. Its result is made
in `job`.

When the socket closes, the kernel is gone: the worker kills every experiment and ends. To notice that at any time, the main
thread only waits, and the setup runs in a helper thread. That also makes forking safe: a thread pool belongs to the thread that
used it, and the thread that forks has used none.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...budget import Budget
from ...experiment import Outcome
from ..output.progress_lines import ProgressLines, reports_itself
from ..own_limits import OwnLimits
from ..walls import Walls
from ..walls.enclosure import Enclosure
from ..walls.opened import Opened
from . import child, descriptors, huge_pages, private_maps, processes, working_folder
from .clean.evaluator import has_clean_metric
from .clean.run import CleanRun
from .clean.template import CleanSide
from .execution import new_main, run_setup
from .failures import one_line, users_traceback
from .job import RunningJob, own_folders, result_of
from .machine_load import MachineLoad
from .message_token import Outbox, receive_token
from .protocol import checked_report, encode, read_event
from .starting import choose_mode, spawn

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL: enough to flush a log, not to finish an epoch."""
DRAIN = 0.5
"""Seconds for reading what an ended run has left in its pipes: a process that it left behind may write endlessly."""
HUGE_PAGES, HUGE_PAGES_SHARE = 1.0, 0.1
"""Seconds, and share of those of the setup, that putting its memory into huge pages may take, whichever is more."""
OUTBOX = 4_000_000
"""Bytes that may wait for the kernel; while there are more, as when it is stopped, progress is left out."""


class Worker:
    """The worker's main loop: receives commands, runs experiments and sends their events and results.

    Parameters
    ----------
    control : socket
        Connected to the kernel.
    config : dict
        ``setup``, ``target``, ``seed``, ``threads``, and where given ``mode``, ``folders`` and ``setup_name`` (see `CellRunner`), and
        ``cores``, the processors that all of it may use.
    token : memoryview
        Goes in front of each message (see `message_token`).
    """

    def __init__(self, control: socket.socket, config: dict[str, Any], token: memoryview) -> None:
        self.control = control
        self.config = config
        self.mode = "fork"
        self.module = new_main()
        self.frozen: dict[str, Any] = {}
        self.shares_memory = True  # whether the setup has shared maps
        self.mapped: frozenset[int] = frozenset()  # inodes of the files behind them
        self.clean_side: CleanSide | None = None
        self.sealed_names: list[str] = []
        self.closed: frozenset[str] = frozenset()
        self.runs: dict[int, RunningJob] = {}
        self.machine = MachineLoad()
        self.limits = OwnLimits()
        self.enclosure = Enclosure(
            Walls.from_json(config.get("walls")), config.get("projects", ()), tools=config.get("kind") == "command"
        )  # before any thread
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ, self.read_control)
        control.setblocking(False)
        self._inbox = b""
        self._outbox = Outbox(token)
        self._parent = os.getppid()
        self._wake, wake = os.pipe()  # os.pipe2 does not exist on macOS; a started program inherits neither end
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, nothing is written to the descriptor
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._wakeup = wake
        self.selector.register(self._wake, selectors.EVENT_READ, lambda: os.read(self._wake, 4096))
        if sys.platform == "linux":
            processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message to the kernel without waiting for it; when the kernel is gone, the worker ends."""
        if message["is"] == "event" and self._outbox.size > OUTBOX:
            return
        self._outbox.add(encode(message))
        self.send_more()

    def send_more(self) -> None:
        """Send what the socket takes of the waiting messages."""
        try:
            self._outbox.send(self.control)
        except BlockingIOError:
            pass
        except OSError:
            self.end()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox.size else 0)
        if self.selector.get_key(self.control).events != wanted:
            self.selector.modify(self.control, wanted, self.read_control)

    # -- the setup ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Run the setup in a helper thread; `setup_ended` is called at its end. A strict study may be refused before."""
        if refused := self.enclosure.refused():
            self.send({"is": "refused", "error": refused})
            return
        done, self._setup_done = os.pipe()
        self._setup_error: BaseException | None = None
        self.opened = Opened()
        self.setup_seconds = 0.0
        self.setup_processes: frozenset[int] = frozenset()
        self.selector.register(done, selectors.EVENT_READ, lambda: self.setup_ended(done))
        self._setup = threading.Thread(target=self._run_setup, name="setup", daemon=True)
        self._setup.start()

    def _run_setup(self) -> None:
        began = time.monotonic()
        try:
            with self.opened:
                run_setup(self.config, self.module, seed=self.config["seed"], for_forks=True)
        except BaseException as error:
            self._setup_error = error
        self.setup_seconds = time.monotonic() - began
        os.write(self._setup_done, b".")

    def setup_ended(self, done: int) -> None:
        """Send the kernel the setup's error, or how experiments will be started."""
        self.selector.unregister(done)
        os.close(done)
        self._setup.join()
        if (error := self._setup_error) is not None:
            shown = users_traceback(error)
            print(shown, file=sys.stderr)
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            self.send({"is": "setup-failed", "error": one_line(error), "traceback": shown, "missing": missing})
            return
        self.frozen = dict(self.module.__dict__)
        self.mode, why = choose_mode(self.config, self.fork)
        if self.mode == "fork" and self.config.get("kind") != "command":
            gc.collect()
            gc.freeze()  # garbage collection in a fork would write to, and so copy, all memory of the setup
            # Before the first fork that stays, which would keep the small pages as well.
            huge_pages.collapse(max(HUGE_PAGES, HUGE_PAGES_SHARE * self.setup_seconds))
            self.clean_side = CleanSide(self.fork, self.module, self.config)
            told = self.clean_side.ready()
            if "error" in told:
                print(told["traceback"], file=sys.stderr)
                why = f"the sealed cell: {told['error']}"
                self.send({"is": "setup-failed", "error": why, "traceback": told["traceback"], "missing": None})
                return
            self.sealed_names = told["names"]
            self.enclosure.hide(told["opened"])
        elif self.mode == "fresh":
            self.module, self.frozen = types.ModuleType("__main__"), {}  # every experiment runs the setup itself
        self.setup_processes = frozenset(processes.descendants(os.getpid()))
        forks = self.mode != "fresh"
        shared = [*descriptors.left_open(self.frozen), *private_maps.not_private(self.frozen)] if forks else []
        self.look_for_maps()
        copied = descriptors.written_files(self.mapped) if forks else []
        self.enclosure.prepare(self.opened)
        self.closed = self.enclosure.closed()
        gc.collect()
        gc.freeze()
        told = {**self.enclosure.told(), "folder": os.getcwd()}
        self.send({"is": "ready", "mode": self.mode, "why": why, "open": shared, "copied": copied, **told})

    def look_for_maps(self) -> None:
        """Note which maps of this process are shared, as threads of the setup may make some at any time.

        To look takes a fork ten times as long: everything that it touches is copied first.
        """
        maps = private_maps.shared_maps()
        self.shares_memory = bool(maps)
        self.mapped = frozenset(each.inode for each in maps) - {0}

    def fork(self) -> int:
        """Fork; the child closes everything of the worker except its memory."""
        with warnings.catch_warnings():
            # Python warns of forks in a process with threads; `starting` has tested that.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self.forked()
        return pid

    def fork_confined(self, run: Callable[[], None]) -> int:
        """Fork where experiments are forked; `run` is called in the child and must not return."""

        def child_of_worker() -> None:
            self.forked()
            run()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return self.enclosure.fork(child_of_worker)

    def forked(self) -> None:
        """Leave, in a fork, what is the worker's."""
        os.setsid()
        if sys.platform == "linux":
            processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        self.control.close()
        os.close(self._wake)
        os.close(self._wakeup)

    # -- experiments ----------------------------------------------------------------------------------------------

    def start(self, message: dict[str, Any]) -> None:
        """Start one experiment; where the system refuses, such as for want of memory, that is its result."""
        try:
            self.limits.restore()
            self.start_run(message)
        except OSError as error:
            if self.limits.lowered:
                self.end()  # a run has lowered them for good: another worker, with those of the kernel, runs this one
            reason = f"No process could be started: {error.strerror or error}."
            self.send({"is": "done", "id": message["id"], "result": {"outcome": Outcome.CRASH, "error": reason}})

    def start_run(self, message: dict[str, Any]) -> None:
        """Start one experiment.

        Raises
        ------
        OSError
        """
        events, child_events = os.pipe()
        output, child_output = os.pipe()
        for fd in (events, output):
            os.set_blocking(fd, False)
        job = message["job"]
        run = RunningJob(
            message["id"],
            job,
            message["limit"],
            message["memory"],
            message["log"],
            (events, output),
            self.setup_seconds,
            self.machine.started(),
            self.enclosure.walls.disk,
        )
        command = "command" in job
        if command or not any(reports_itself(source) for source in (self.config["setup"], job["target"])):
            run.lines = ProgressLines(Budget(*job["budget"]))
        if command:
            run.begin()
        if self.clean_side is not None and self.is_measured_clean(job):
            run.clean = CleanRun()
        if command or self.mode == "fork":
            self.enclosure.begin(run.memory.limit)
            run.pid = self.fork_confined(lambda: self.become_child(run, child_events, child_output))
        else:
            run.pid = spawn(self.config, job, child_events, child_output)
        self.runs[run.id] = run
        if (clean := run.clean) is not None and self.clean_side is not None:
            try:
                clean.begin(self.clean_side, job, child_output)
            except OSError:
                self.end()  # the template was killed: another worker, with one of its own, runs this one
            self.selector.register(
                clean.events, selectors.EVENT_READ, lambda: self.guarded(lambda: self.read_clean(run), run)
            )
        os.close(child_events)
        os.close(child_output)
        for fd, read in ((events, self.read_events), (output, self.read_output)):
            self.selector.register(fd, selectors.EVENT_READ, lambda read=read: self.guarded(lambda: read(run), run))
        if command:
            self.send({"is": "event", "id": run.id, "event": {"begin": True}})

    def is_measured_clean(self, job: dict[str, Any]) -> bool:
        """Return whether the clean side computes the metric of a job."""
        if "command" in job or (job.get("calibration") or {}).get("mode") == "in-process":
            return False
        return has_clean_metric(job, self.frozen, self.sealed_names)

    def become_child(self, run: RunningJob, events: int, output: int) -> None:
        """Run an experiment in a fork; does not return."""
        job = {**run.job, "walls": self.config.get("walls")}
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            for other in (*self.runs.values(), run):
                os.close(other.events)
                os.close(other.output)
                other.log.abandon()
                if other.clean is not None and other is not run:
                    other.clean.close()
            if run.clean is not None:
                job = {**job, **run.clean.child_keeps()}
            if self.clean_side is not None:
                self.clean_side.socket.close()
            processes.prefer_for_oom_kill()
            if self.shares_memory:
                private_maps.make_private()
            if "command" in job:
                os.chdir(job["folder"])
            else:
                own_copy = working_folder.enter(job["folder"], job["target"], self.closed)
                descriptors.reopen_files(own_copy, self.mapped, leave={job.get("arena", -1)})
            own = own_folders(job)
            limit = run.memory.limit
            more = {name: job.get(name, ()) for name in ("readable", "frozen")}
            child.enter_or_leave(lambda: self.enclosure.enter(writable=own, memory=limit, **more), None)
            if "command" in job:
                child.become_command(job)
            child.open_streams()
            child.run_and_leave(job, self.module, self.frozen, child.EventPipe(events))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def read_events(self, run: RunningJob) -> None:
        """Read a run's events: pass them on, but keep the result until the run has ended."""
        data = processes.read_available(run.events)
        if data is None:  # read together with the output, before
            return
        if not data:
            self._unregister(run.events)
        now = time.monotonic()
        lines = (line for each in run.pending.feed(data) for line in run.rate.take(each, now))
        for line in lines if data else run.rate.rest():
            if (event := read_event(line)) is None or run.seen(event):
                continue
            if "result" in event:
                run.result = {**(run.result or {}), **event["result"]}
            elif run.clean is not None and "evaluating" in event:
                continue  # whether the target has ended is told by the clean side, which it answers then
            else:
                if ("begin" in event or "evaluating" in event) and processes.readable(run.output):
                    self.take_output(run)  # the last output of the setup or of the training
                if "begin" in event and run.began is None:
                    run.begin()
                run.tick = event.get("tick", run.tick)
                if "report" in event or "evaluating" in event:
                    run.lines = None
                self.send({"is": "event", "id": run.id, "event": event})

    def read_clean(self, run: RunningJob) -> None:
        """Read what the clean side sends."""
        clean = run.clean
        if clean is None or clean.events < 0:
            return
        for event in clean.read():
            if "evaluating" in event:
                self.read_events(run)  # the last ones of the training
                if processes.readable(run.output):
                    self.take_output(run)
                run.lines = None
                # What is printed while it is measured, here or by the target that is called, may be what is sealed.
                run.muted = bool(self.config.get("sealed"))
                clean.go_on()
            self.send({"is": "event", "id": run.id, "event": event})
        if clean.ended:
            self._unregister(clean.events)

    def read_output(self, run: RunningJob) -> None:
        """Read what a run prints, after the events it sent before."""
        if run.lines is not None and processes.readable(run.events):
            self.read_events(run)  # whether it uses the clock and reports decides how its lines are read
        if processes.readable(run.output):
            self.take_output(run)

    def take_output(self, run: RunningJob) -> None:
        """Log a piece of output; progress lines in it are sent as reports where the run reports nothing itself."""
        data = processes.read_available(run.output)
        if data is None:
            return
        if not data:
            self._unregister(run.output)
            return
        if run.muted:
            return
        run.log.write(data)
        if run.lines is not None and run.began is not None:
            for report in self.printed_reports(run, data):
                self.send({"is": "event", "id": run.id, "event": {"report": report}})

    def printed_reports(self, run: RunningJob, data: bytes) -> list[dict[str, Any]]:
        """Return the points of a curve in printed lines; lines that cannot be read as such do not end the run."""
        assert run.lines is not None
        assert run.began is not None
        try:
            points = run.lines.feed(data, time.monotonic() - run.began, run.tick)
        except (ArithmeticError, ValueError):
            traceback.print_exc()
            return []
        return [report for point in points if (report := checked_report(point)) is not None]

    def _unregister(self, fd: int) -> None:
        if fd in self.selector.get_map():
            self.selector.unregister(fd)

    def kill(self, run: RunningJob, reason: str, grace: float = GRACE) -> None:
        """Ask the processes of a run to end; after `grace` seconds they are killed."""
        if not run.kill_reason:
            run.kill_reason, run.kill_at = reason, time.monotonic() + grace
            processes.signal_group(run.pid, signal.SIGTERM if grace else signal.SIGKILL)
            if run.clean is not None:
                run.clean.kill()

    def check_runs(self) -> None:
        """Reap runs that have ended and kill those that exceed a limit."""
        self.limits.restore()
        now = time.monotonic()
        for run in list(self.runs.values()):
            pid, status, usage = os.wait4(run.pid, os.WNOHANG)
            if pid:
                self.finish(run, status, usage.ru_maxrss)
            elif run.kill_reason:
                if now >= run.kill_at:
                    processes.signal_group(run.pid, signal.SIGKILL)
            elif now >= run.deadline:
                self.kill(run, "timeout")
            elif run.memory.exceeded(run.pid, now, self.enclosure.keeper if len(self.runs) == 1 else ()):
                # What fills the memory must not go on for another half second, nor what fills the table of processes.
                self.kill(run, "processes" if run.memory.crowd else "memory", grace=0.0)
                if run.memory.crowd and len(self.runs) == 1:
                    self.enclosure.sweep()
            elif run.disk.exceeded(run.pid, now, self.enclosure.keeper if len(self.runs) == 1 else ()):
                self.kill(run, "disk", grace=0.0)

    def finish(self, run: RunningJob, status: int, max_resident: int) -> None:
        """Read the last output of a run that has ended, kill its remaining processes and send its result."""
        processes.signal_group(run.pid, signal.SIGKILL)
        if run.clean is not None:
            self.end_clean(run, run.clean)
        if len(self.runs) == 1:
            self.enclosure.sweep()
            processes.kill_descendants(keep={*self.setup_processes, *self.enclosure.keeper})
        self.drain(run)
        for fd in (run.events, run.output):
            self._unregister(fd)
            os.close(fd)
        run.log.close()
        del self.runs[run.id]
        scale = 1 if sys.platform == "darwin" else 1024  # wait4 counts in bytes on macOS, in KiB on Linux
        conditions = None if run.load is None else self.machine.ended(run.load)
        self.send({"is": "done", "id": run.id, "result": result_of(run, status, max_resident * scale, conditions)})
        self.look_for_maps()  # for the next run, while nobody waits

    def end_clean(self, run: RunningJob, clean: CleanRun) -> None:
        """Wait, not for long, for the clean side of a run whose target's process has ended, then kill it."""
        end = time.monotonic() + DRAIN
        while not clean.ended and time.monotonic() < end and not run.kill_reason:
            self.guarded(lambda: self.read_clean(run), run)
            if not clean.ended:
                time.sleep(0.001)
        clean.kill()
        self._unregister(clean.events)
        clean.close()

    def guarded(self, read: Callable[[], None], run: RunningJob) -> None:
        """Read what a run has sent; an error in that ends the run, not the worker."""
        try:
            read()
        except Exception:
            traceback.print_exc()
            self.kill(run, "broken")

    def drain(self, run: RunningJob) -> None:
        """Read what is left in the pipes of a run, for `DRAIN` seconds at most each."""
        for fd, read in ((run.events, self.read_events), (run.output, self.read_output)):
            end = time.monotonic() + DRAIN
            while fd in self.selector.get_map() and processes.readable(fd) and time.monotonic() < end:
                self.guarded(lambda: read(run), run)  # noqa: B023 - called at once

    # -- the main loop -------------------------------------------------------------------------------------------------

    def read_control(self) -> None:
        """Carry out the kernel's commands; when the socket is closed, the worker ends."""
        self.send_more()
        try:
            data = self.control.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end()
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["do"] == "run":
                self.start(message)
            elif message["do"] == "kill" and (run := self.runs.get(message["id"])):
                self.kill(run, message["why"])

    def patience(self) -> float:
        """Return the seconds until something must be looked at although nothing was sent."""
        if not self.runs:
            return 1.0
        next_look = min(min(run.memory.due, run.disk.due) for run in self.runs.values()) - time.monotonic()
        return min(0.05, max(0.001, next_look))

    def loop(self) -> None:
        """Run until the kernel is gone."""
        self.begin()
        while True:
            # Without a run it wakes once a second to check that its parent lives: a process forked from the kernel may
            # keep the socket open after the kernel's death.
            for key, _ in self.selector.select(timeout=self.patience()):
                if key.fd in self.selector.get_map():
                    key.data()
            self.check_runs()
            if os.getppid() != self._parent:
                self.end()

    def end(self) -> None:
        """Kill every experiment and exit."""
        for run in self.runs.values():
            processes.signal_group(run.pid, signal.SIGKILL)
            if run.clean is not None:
                run.clean.kill()
        processes.kill_descendants()
        os._exit(0)


def main() -> None:
    """Run as ``python -m autoresearch_magic.runners.worker.server SOCKET_FD``; the kernel sends a token, and then the configuration."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    if (token := receive_token(control)) is None:
        return
    data = b""
    while not data.endswith(b"\n"):
        more = control.recv(1 << 20)
        if not more:
            return
        data += more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = json.loads(data)
    if (cores := config.get("cores")) and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # a processor was taken away meanwhile
            os.sched_setaffinity(0, cores)
    Worker(control, config, token).loop()


if __name__ == "__main__":
    main()
