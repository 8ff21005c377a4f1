"""The warm worker: one process per study that runs the setup once and forks every experiment.

It is started by `autoresearch_magic.runners.worker.client` with one socket, and speaks JSON lines over it::

    to the worker      {"do": "run", "id": 7, "job": {...}, "limit": 70.0, "log": "..."}
                       {"do": "kill", "id": 7, "why": "stopped"}
    from the worker    {"is": "ready", "mode": "fork", "why": ""}   or   {"is": "setup-failed", ...}
                       {"is": "event", "id": 7, "event": {...}}     (begin, tick, report, evaluating)
                       {"is": "done", "id": 7, "result": {...}}

A job is a target, executed in the fork (`child`), or a command, for which the fork becomes a shell. What its end comes to is in
`run`.

The end of the socket means that the kernel is gone: every experiment is killed and the worker ends. To notice that at
any time the main thread only waits; the setup runs in a helper thread. That is also what makes forking safe: thread
pools belong to the thread that used them, and the fork is taken from a thread that has none.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
from typing import TYPE_CHECKING, Any

from ...budget import Budget
from ...source.edits import imported_modules
from ..output.progress_lines import ProgressLines, reports_itself
from . import child
from .job import RunningJob, result_of
from .processes import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    prctl,
    prefer_as_victim,
    read_ready,
    readable,
    resident,
    settle,
    signal_group,
    sweep,
)

if TYPE_CHECKING:
    import resource  # Windows has none, and there the doctor must still be able to say so

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL: time to flush a log, not to finish an epoch."""
CANARY = 10.0
"""Seconds a forked matrix product may take before forking counts as unsafe. It takes milliseconds, or for ever."""
MEMORY_POLL = 0.25
"""Seconds between two looks at an experiment's memory (a look costs 0.02 ms)."""


class Worker:
    """The main thread's loop: commands in, experiments out."""

    def __init__(self, control: socket.socket, config: dict[str, Any]) -> None:
        self.control = control
        self.config = config
        self.mode, self.why = "fork", ""
        self.module = child.new_main()
        self.frozen: dict[str, Any] = {}
        self.runs: dict[int, RunningJob] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ, self.read_control)
        self._inbox = b""
        self._parent = os.getppid()
        self._wake, wake = os.pipe()  # not inherited by a program that is started; macOS has no pipe2
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler must be there for the descriptor to be written
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._wakeup = wake
        self.selector.register(self._wake, selectors.EVENT_READ, lambda: os.read(self._wake, 4096))
        if sys.platform == "linux":
            prctl(PR_SET_CHILD_SUBREAPER, 1)

    def send(self, message: dict[str, Any]) -> None:
        """Send to the kernel; a kernel that is gone ends the worker."""
        try:
            self.control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.end()

    # -- the setup ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Run the setup in a helper thread; `read_setup` hears of its end."""
        done, self._setup_done = os.pipe()
        self._setup_error: BaseException | None = None
        self.selector.register(done, selectors.EVENT_READ, lambda: self.setup_ended(done))
        threading.Thread(target=self._run_setup, name="setup", daemon=True).start()

    def _run_setup(self) -> None:
        try:
            sys.path[:0] = self.config.get("folders", ())
            own = self.config.get("setup_name", "")
            preload(self.config["setup"], self.config["target"], leave_out=own)
            if own:
                sys.modules[own] = self.module  # `from prepare import ...` in a target means the setup that has run
            child.seed_everything(self.config["seed"], self.config["setup"])
            child.execute(self.config["setup"], "setup", self.module.__dict__)
        except BaseException as error:
            self._setup_error = error
        os.write(self._setup_done, b".")

    def setup_ended(self, done: int) -> None:
        """Tell the kernel how the setup went, and how experiments will be started."""
        self.selector.unregister(done)
        os.close(done)
        for thread in threading.enumerate():
            if thread.name == "setup":
                thread.join()
        if (error := self._setup_error) is not None:
            shown = child.users_traceback(error)
            print(shown, file=sys.stderr)
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            self.send({"is": "setup-failed", "error": child.one_line(error), "traceback": shown, "missing": missing})
            return
        self.frozen = dict(self.module.__dict__)
        self.mode, self.why = self.choose_mode()
        if self.mode == "fresh":
            self.module, self.frozen = types.ModuleType("__main__"), {}  # each process runs the setup itself
        gc.collect()
        gc.freeze()  # a collection in a child would touch, and so copy, every page of what the setup loaded
        self.send({"is": "ready", "mode": self.mode, "why": self.why})

    def choose_mode(self) -> tuple[str, str]:
        """Find out whether this process can be forked safely."""
        if self.config.get("mode") == "fresh":
            return "fresh", "as asked for"
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            return "fresh", "the setup has initialised CUDA, which does not survive a fork"
        settle()
        # Twice, because a helper thread that is still on its way out can spoil the first.
        safe = self.canary() or self.canary()
        return ("fork", "") if safe else ("fresh", "a forked matrix product hung or failed, twice")

    def canary(self) -> bool:
        """Fork once and compute a little: threads that did not survive the fork would hang it."""
        pid = self.fork()
        if pid == 0:
            try:
                if torch := sys.modules.get("torch"):
                    torch.set_num_threads(max(2, self.config["threads"]))
                    x = torch.ones(300, 300, requires_grad=True)
                    (x @ x).sum().backward()
                if numpy := sys.modules.get("numpy"):
                    numpy.ones((300, 300)) @ numpy.ones((300, 300))
                os._exit(0)
            except BaseException:
                os._exit(1)
        end = time.monotonic() + CANARY
        while time.monotonic() < end:
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                return status == 0
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return False

    def fork(self) -> int:
        """Fork; the child keeps nothing of the worker but its memory."""
        with warnings.catch_warnings():
            # Python warns of forking with threads around; the canary has looked at that.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.setsid()
            if sys.platform == "linux":
                prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.selector.close()
            self.control.close()
            os.close(self._wake)
            os.close(self._wakeup)
        return pid

    # -- experiments ----------------------------------------------------------------------------------------------

    def start(self, message: dict[str, Any]) -> None:
        """Start one experiment."""
        events, child_events = os.pipe()
        output, child_output = os.pipe()
        for fd in (events, output):
            os.set_blocking(fd, False)
        job = message["job"]
        run = RunningJob(message["id"], job, message["limit"], message["memory"], message["log"], (events, output))
        command = "command" in job
        if command or not any(reports_itself(source) for source in (self.config["setup"], job["target"])):
            run.lines = ProgressLines(Budget(*job["budget"]))
        if command:
            run.begin()
        if command or self.mode == "fork":
            run.pid = self.fork()
            if run.pid == 0:
                self.become_child(job, child_events, child_output)
        else:
            run.pid = self.spawn(job, child_events, child_output)
        os.close(child_events)
        os.close(child_output)
        self.runs[run.id] = run
        self.selector.register(events, selectors.EVENT_READ, lambda: self.read_events(run))
        self.selector.register(output, selectors.EVENT_READ, lambda: self.read_output(run))

    def become_child(self, job: dict[str, Any], events: int, output: int) -> None:
        """Turn a fork into an experiment; does not return."""
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            for run in self.runs.values():
                os.close(run.events)
                os.close(run.output)
            prefer_as_victim()
            if "command" in job:
                child.become_command(job)
            child.own_streams()
            child.run_target(job, self.module, self.frozen, child.Pipe(events))
            child.leave()
        finally:
            os._exit(1)

    def spawn(self, job: dict[str, Any], events: int, output: int) -> int:
        """Start a fresh process for one experiment; it runs the setup itself."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            json.dump({**self.config, **job}, file)
            file.flush()
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            process = subprocess.Popen(
                [sys.executable, "-m", child.__name__, str(file.fileno()), str(events)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                pass_fds=(file.fileno(), events), start_new_session=True,
            )  # fmt: skip
        return process.pid

    def read_events(self, run: RunningJob) -> None:
        """Take what a run says of itself: signs of life are passed on, its result is kept until it has ended."""
        data = read_ready(run.events)
        if not data:
            self._unregister(run.events)
        *lines, run.pending = (run.pending + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if "result" in event:
                run.result = event["result"]
            else:
                if ("begin" in event or "evaluating" in event) and readable(run.output):
                    self.take_output(run)  # what the setup or the training printed last
                if "begin" in event:
                    run.begin()
                run.tick = event.get("tick", run.tick)
                if "report" in event or "evaluating" in event:
                    run.lines = None
                self.send({"is": "event", "id": run.id, "event": event})

    def read_output(self, run: RunningJob) -> None:
        """Take what a run prints."""
        if run.lines is not None and readable(run.events):
            self.read_events(run)  # what it said before it printed this: whether it ticks, whether it reports
        if readable(run.output):
            self.take_output(run)

    def take_output(self, run: RunningJob) -> None:
        """OutputLog a piece of output; where the run does not report, its progress lines are its reports."""
        data = read_ready(run.output)
        if not data:
            self._unregister(run.output)
            return
        run.log.write(data)
        if run.lines is not None and run.began is not None:
            for point in run.lines.feed(data, time.monotonic() - run.began, run.tick):
                self.send({"is": "event", "id": run.id, "event": {"report": point}})

    def _unregister(self, fd: int) -> None:
        if fd in self.selector.get_map():
            self.selector.unregister(fd)

    def kill(self, run: RunningJob, why: str) -> None:
        """Ask a run and all its processes to end; they are made to after the grace."""
        if not run.why:
            run.why, run.kill_at = why, time.monotonic() + GRACE
            signal_group(run.pid, signal.SIGTERM)

    def look_after(self) -> None:
        """Reap what has ended, kill what is over its limits."""
        now = time.monotonic()
        for run in list(self.runs.values()):
            pid, status, usage = os.wait4(run.pid, os.WNOHANG)
            if pid:
                self.finish(run, status, usage)
            elif run.why:
                if now >= run.kill_at:
                    signal_group(run.pid, signal.SIGKILL)
            elif now >= run.deadline:
                self.kill(run, "timeout")
            elif now >= run.next_look:
                run.next_look = now + MEMORY_POLL
                run.peak = max(run.peak, resident(run.pid))
                if run.memory and run.peak > run.memory:
                    self.kill(run, "memory")

    def finish(self, run: RunningJob, status: int, usage: resource.struct_rusage) -> None:
        """Gather what is left of an ended run, remove every process of it, and report."""
        signal_group(run.pid, signal.SIGKILL)
        self.drain(run)
        for fd in (run.events, run.output):
            self._unregister(fd)
            os.close(fd)
        run.log.close()
        del self.runs[run.id]
        if not self.runs:
            sweep()
        scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB here
        self.send({"is": "done", "id": run.id, "result": result_of(run, status, usage.ru_maxrss * scale)})

    def drain(self, run: RunningJob) -> None:
        """Read what the pipes still hold."""
        for fd, read in ((run.events, self.read_events), (run.output, self.read_output)):
            while fd in self.selector.get_map() and readable(fd):
                read(run)

    # -- the loop -------------------------------------------------------------------------------------------------

    def read_control(self) -> None:
        """Take the kernel's commands; the end of the socket is the end of the worker."""
        try:
            data = self.control.recv(1 << 20)
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

    def loop(self) -> None:
        """Wait and act, until the kernel is gone."""
        self.begin()
        while True:
            # Idle, it wakes once a second to see whether its parent still lives: a forked helper of the user's
            # kernel may hold the socket open after the kernel's death.
            for key, _ in self.selector.select(timeout=0.05 if self.runs else 1.0):
                if key.fd in self.selector.get_map():
                    key.data()
            self.look_after()
            if os.getppid() != self._parent:
                self.end()

    def end(self) -> None:
        """Kill every experiment and leave."""
        for run in self.runs.values():
            signal_group(run.pid, signal.SIGKILL)
        sweep()
        os._exit(0)


def preload(setup: str, target: str, leave_out: str = "") -> None:
    """Import what the code will import, once and before any fork; what fails here will fail again, and be told, there.

    Parameters
    ----------
    setup, target : str
    leave_out : str
        The module that the setup itself is.
    """
    names = list(dict.fromkeys([*imported_modules(setup), *imported_modules(target)]))
    if any(name.partition(".")[0] == "torch" for name in names):
        names.append("torch._dynamo")  # the first optimizer would import its 800 modules in every experiment
    for name in names:
        if leave_out and name.partition(".")[0] == leave_out:
            continue
        try:
            __import__(name)
        except Exception:
            continue


def main() -> None:
    """Start: ``python -m autoresearch_magic.runners.worker.server SOCKET_FD``, its configuration the first line received."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    data = b""
    while not data.endswith(b"\n"):
        more = control.recv(1 << 20)
        if not more:
            return
        data += more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The user's code is the program here: its folder is where its own modules are looked for.
    Worker(control, json.loads(data)).loop()


if __name__ == "__main__":
    main()
