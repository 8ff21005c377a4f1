"""The worker: one process per study that runs the setup once and starts every experiment as a fork of itself.

`autoresearch_magic.runners.worker.client` starts it with a socket, over which both send JSON lines::

    to the worker      {"do": "run", "id": 7, "job": {...}, "limit": 70.0, "log": "..."}
                       {"do": "kill", "id": 7, "why": "stopped"}
    from the worker    {"is": "ready", "mode": "fork", "why": ""}   or   {"is": "setup-failed", ...}
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
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
from typing import Any

from ...budget import Budget
from ...source.edits import imported_modules
from ..output.progress_lines import ProgressLines, reports_itself
from . import child, processes
from .job import RunningJob, result_of

GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL: enough to flush a log, not to finish an epoch."""
FORK_TEST = 10.0
"""Seconds a matrix product in a test fork may take before forking counts as unsafe: it takes milliseconds, or hangs."""
MEMORY_POLL = 0.25
"""Seconds between two checks of an experiment's memory; a check takes 0.05 ms per process."""


class Worker:
    """The worker's main loop: receives commands, runs experiments and sends their events and results.

    Parameters
    ----------
    control : socket
        Connected to the kernel.
    config : dict
        ``setup``, ``target``, ``seed``, ``threads``, and where given ``mode``, ``folders`` and ``setup_name`` (see `CellRunner`).
    """

    def __init__(self, control: socket.socket, config: dict[str, Any]) -> None:
        self.control = control
        self.config = config
        self.mode = "fork"
        self.module = child.new_main()
        self.frozen: dict[str, Any] = {}
        self.runs: dict[int, RunningJob] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ, self.read_control)
        self._inbox = b""
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
        """Send a message to the kernel; when the kernel is gone, the worker ends."""
        try:
            self.control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.end()

    # -- the setup ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Run the setup in a helper thread; `setup_ended` is called at its end."""
        done, self._setup_done = os.pipe()
        self._setup_error: BaseException | None = None
        self.selector.register(done, selectors.EVENT_READ, lambda: self.setup_ended(done))
        self._setup = threading.Thread(target=self._run_setup, name="setup", daemon=True)
        self._setup.start()

    def _run_setup(self) -> None:
        try:
            sys.path[:0] = self.config.get("folders", ())
            own = self.config.get("setup_name", "")
            preload(self.config["setup"], self.config["target"], leave_out=own)
            if own:
                sys.modules[own] = self.module  # what `from prepare import ...` finds in a target
            child.seed_everything(self.config["seed"], self.config["setup"])
            child.execute(self.config["setup"], "setup", self.module.__dict__)
        except BaseException as error:
            self._setup_error = error
        os.write(self._setup_done, b".")

    def setup_ended(self, done: int) -> None:
        """Send the kernel the setup's error, or how experiments will be started."""
        self.selector.unregister(done)
        os.close(done)
        self._setup.join()
        if (error := self._setup_error) is not None:
            shown = child.users_traceback(error)
            print(shown, file=sys.stderr)
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            self.send({"is": "setup-failed", "error": child.one_line(error), "traceback": shown, "missing": missing})
            return
        self.frozen = dict(self.module.__dict__)
        self.mode, why = self.choose_mode()
        if self.mode == "fresh":
            self.module, self.frozen = types.ModuleType("__main__"), {}  # every experiment runs the setup itself
        gc.collect()
        gc.freeze()  # garbage collection in a child would write to, and so copy, all memory of the setup
        self.send({"is": "ready", "mode": self.mode, "why": why})

    def choose_mode(self) -> tuple[str, str]:
        """Return ``fork`` or, when this process cannot be forked safely, ``fresh`` and the reason."""
        if self.config.get("mode") == "fresh":
            return "fresh", "--fresh is set"
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            return "fresh", "the setup has initialised CUDA, which does not survive a fork"
        processes.wait_for_ending_threads()
        # Twice, because a helper thread that is still ending can make the first test fail.
        safe = self.fork_works() or self.fork_works()
        return ("fork", "") if safe else ("fresh", "a matrix product in a test fork hung or failed, twice")

    def fork_works(self) -> bool:
        """Compute a matrix product in a fork; it hangs where it needs threads that exist in the parent only."""
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
        end = time.monotonic() + FORK_TEST
        while time.monotonic() < end:
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                return status == 0
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return False

    def fork(self) -> int:
        """Fork; the child closes everything of the worker except its memory."""
        with warnings.catch_warnings():
            # Python warns of forks in a process with threads; `fork_works` has tested that.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.setsid()
            if sys.platform == "linux":
                processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
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
        """Run an experiment in a fork; does not return."""
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            for run in self.runs.values():
                os.close(run.events)
                os.close(run.output)
            processes.prefer_for_oom_kill()
            if "command" in job:
                child.become_command(job)
            child.open_streams()
            child.run_target(job, self.module, self.frozen, child.EventPipe(events))
            child.leave()
        finally:
            os._exit(1)

    def spawn(self, job: dict[str, Any], events: int, output: int) -> int:
        """Start a new process for one experiment, which runs the setup itself."""
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
        """Read a run's events: pass them on, but keep the result until the run has ended."""
        data = processes.read_available(run.events)
        if not data:
            self._unregister(run.events)
        *lines, run.pending = (run.pending + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if "result" in event:
                run.result = event["result"]
            else:
                if ("begin" in event or "evaluating" in event) and processes.readable(run.output):
                    self.take_output(run)  # the last output of the setup or of the training
                if "begin" in event:
                    run.begin()
                run.tick = event.get("tick", run.tick)
                if "report" in event or "evaluating" in event:
                    run.lines = None
                self.send({"is": "event", "id": run.id, "event": event})

    def read_output(self, run: RunningJob) -> None:
        """Read what a run prints, after the events it sent before."""
        if run.lines is not None and processes.readable(run.events):
            self.read_events(run)  # whether it uses the clock and reports decides how its lines are read
        if processes.readable(run.output):
            self.take_output(run)

    def take_output(self, run: RunningJob) -> None:
        """Log a piece of output; progress lines in it are sent as reports where the run reports nothing itself."""
        data = processes.read_available(run.output)
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

    def kill(self, run: RunningJob, reason: str) -> None:
        """Ask the processes of a run to end; after `GRACE` seconds they are killed."""
        if not run.kill_reason:
            run.kill_reason, run.kill_at = reason, time.monotonic() + GRACE
            processes.signal_group(run.pid, signal.SIGTERM)

    def check_runs(self) -> None:
        """Reap runs that have ended and kill those that exceed a limit."""
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
            elif now >= run.next_memory_check:
                run.next_memory_check = now + MEMORY_POLL
                run.peak_memory = max(run.peak_memory, processes.resident(run.pid))
                if run.memory and run.peak_memory > run.memory:
                    self.kill(run, "memory")

    def finish(self, run: RunningJob, status: int, max_resident: int) -> None:
        """Read the last output of a run that has ended, kill its remaining processes and send its result."""
        processes.signal_group(run.pid, signal.SIGKILL)
        self.drain(run)
        for fd in (run.events, run.output):
            self._unregister(fd)
            os.close(fd)
        run.log.close()
        del self.runs[run.id]
        if not self.runs:
            processes.kill_descendants()
        scale = 1 if sys.platform == "darwin" else 1024  # wait4 counts in bytes on macOS, in KiB on Linux
        self.send({"is": "done", "id": run.id, "result": result_of(run, status, max_resident * scale)})

    def drain(self, run: RunningJob) -> None:
        """Read what is left in the pipes of a run."""
        for fd, read in ((run.events, self.read_events), (run.output, self.read_output)):
            while fd in self.selector.get_map() and processes.readable(fd):
                read(run)

    # -- the main loop -------------------------------------------------------------------------------------------------

    def read_control(self) -> None:
        """Carry out the kernel's commands; when the socket is closed, the worker ends."""
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
        """Run until the kernel is gone."""
        self.begin()
        while True:
            # Without a run it wakes once a second to check that its parent lives: a process forked from the kernel may
            # keep the socket open after the kernel's death.
            for key, _ in self.selector.select(timeout=0.05 if self.runs else 1.0):
                if key.fd in self.selector.get_map():
                    key.data()
            self.check_runs()
            if os.getppid() != self._parent:
                self.end()

    def end(self) -> None:
        """Kill every experiment and exit."""
        for run in self.runs.values():
            processes.signal_group(run.pid, signal.SIGKILL)
        processes.kill_descendants()
        os._exit(0)


def preload(setup: str, target: str, leave_out: str = "") -> None:
    """Import what setup and target import, once for all forks. An import that fails is reported when their code repeats it.

    Parameters
    ----------
    setup, target : str
    leave_out : str
        The module name of the setup itself.
    """
    names = list(dict.fromkeys([*imported_modules(setup), *imported_modules(target)]))
    if any(name.partition(".")[0] == "torch" for name in names):
        names.append("torch._dynamo")  # 800 modules, which the first optimizer of every experiment would import
    for name in names:
        if leave_out and name.partition(".")[0] == leave_out:
            continue
        try:
            __import__(name)
        except Exception:
            continue


def main() -> None:
    """Run as ``python -m autoresearch_magic.runners.worker.server SOCKET_FD``; the first line received is the configuration."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    data = b""
    while not data.endswith(b"\n"):
        more = control.recv(1 << 20)
        if not more:
            return
        data += more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(control, json.loads(data)).loop()


if __name__ == "__main__":
    main()
