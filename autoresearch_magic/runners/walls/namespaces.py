"""The layer of namespaces: an experiment sees its own processes, its own network with a loopback, and its own file system (`mounts`).

The worker itself stays outside. Where it is not root it has a user namespace with its own user in it, for the rights that making the others
needs. A small process, the *keeper*, is the first process of a PID namespace; a thread of the worker that has this namespace for its
children forks the experiments. So an experiment is the worker's child, but sees neither worker nor kernel; what it leaves behind becomes the
keeper's, who kills all of it when asked. When the worker dies the keeper is killed, and with it, by Linux, all processes of the namespace.
"""

from __future__ import annotations

import _thread
import os
import queue
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import system

try:
    import fcntl
except ImportError:  # a system without fork, where nothing is confined
    pass

NEW_NS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
STACK = 64 << 20
"""Bytes for the stack of the forking thread, which is that of every experiment: a main thread's may grow as far as the system allows."""
PROCESSES = max(2_048, 64 * (os.cpu_count() or 1))
"""Processes and threads in the namespace; ids are not used again before so many others were."""
PATIENCE = 2.0
"""Seconds that the keeper may take to kill what an experiment left behind."""
_SYS_ADMIN = 21
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41


def may_make_namespaces() -> bool:
    """Return whether this process has the rights for namespaces without one of users."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _SYS_ADMIN & 1)
    return False


def own_user_namespace() -> None:
    """Give this process, which must have one thread, all rights over namespaces that it makes, and none over the machine.

    Raises
    ------
    OSError
    """
    user, group = os.geteuid(), os.getegid()
    system.unshare(NEW_USER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


class Namespaces:
    """The namespaces of one worker's experiments, and the thread that forks into them.

    Made while the process is small, because the keeper is a fork of it.

    Raises
    ------
    OSError
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[int | BaseException] = queue.SimpleQueue()
        ours, theirs = socket.socketpair()
        self._control, self._theirs = ours, theirs
        before = _thread.stack_size(STACK)
        # Not of `threading`: a fork of a thread that it does not know has a main thread as any other program's.
        _thread.start_new_thread(self._serve, ())
        _thread.stack_size(before)
        self.keeper = self._answer()
        theirs.close()
        try:
            ours.settimeout(PATIENCE)
            if ours.recv(1) != b"r":
                raise OSError(0, "the first process of the PID namespace has ended")
            self._net = os.open(f"/proc/{self.keeper}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            ours.sendall(b"h")
        except OSError:
            self.close()
            raise

    def _serve(self) -> None:
        try:
            system.unshare(NEW_PID)
            pid = os.fork()
        except BaseException as error:
            self._answers.put(error)
            return
        if pid == 0:
            _keep(self._theirs.fileno())
        self._answers.put(pid)
        while (run := self._asked.get()) is not None:
            try:
                pid = os.fork()
            except BaseException as error:
                self._answers.put(error)
                continue
            if pid == 0:
                try:
                    run()
                finally:
                    os._exit(1)
            self._answers.put(pid)

    def _answer(self) -> int:
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def fork(self, run: Callable[[], None]) -> int:
        """Fork; `run` is called in the child and must not return. Return the child's id.

        Raises
        ------
        OSError
        """
        self._asked.put(run)
        return self._answer()

    def enter(self, *, network: bool) -> None:
        """Give this process, a fork, mounts of its own, and unless `network` the private network.

        Raises
        ------
        OSError
        """
        if not network:
            system.setns(self._net, NEW_NET)
        system.unshare(NEW_NS | NEW_IPC)

    @staticmethod
    def enter_new(*, network: bool) -> None:
        """Give this process mounts, and unless `network` a network of its own, without a worker that has prepared one."""
        system.unshare(NEW_NS | NEW_IPC | (0 if network else NEW_NET))
        if not network:
            loopback_up()

    def forget(self) -> None:
        """Close what a fork must not have."""
        self._control.close()
        os.close(self._net)

    def sweep(self) -> bool:
        """Kill every process of the namespace but the keeper; return whether that is done."""
        with suppress(OSError):
            self._control.sendall(b"k")
            return self._control.recv(1) == b"."
        return False

    @property
    def alive(self) -> bool:
        """Whether the keeper lives: without it nothing can be forked into its namespace."""
        with suppress(OSError):
            return os.waitpid(self.keeper, os.WNOHANG)[0] == 0
        return False

    def close(self) -> None:
        """End the keeper, and with it all processes of the namespace."""
        self._asked.put(None)
        with suppress(OSError):
            os.kill(self.keeper, signal.SIGKILL)
            # Not waited for: it ends when all others have, and one of them may be a child that this thread has not reaped yet.
            os.waitpid(self.keeper, os.WNOHANG)
        self._control.close()


def _keep(control: int) -> None:
    """Be the first process of a PID namespace: a fork of the worker; does not return."""
    try:
        os.setsid()
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(control, 3)
        system.call(system.CLOSE_RANGE, 4, 0x7FFFFFFF, 0)
        system.unshare(NEW_NET)
        loopback_up()
        _limit_processes()
        os.write(3, b"r")
        if os.read(3, 1) != b"h":
            os._exit(1)
        system.not_dumpable()
        _follow_orders()
    finally:
        os._exit(1)


def _follow_orders() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # what is left to the keeper is reaped by Linux
    while os.read(3, 1) == b"k":
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with suppress(ChildProcessError):  # raised when the last one is gone
            os.waitpid(-1, 0)
        os.write(3, b".")


def _limit_processes() -> None:
    """Limit the processes and threads of this PID namespace, which Linux can from 6.14 on: for root nothing else does."""
    with suppress(OSError):
        system.unshare(NEW_NS)
        system.mount(None, "/", None, 0x4000 | 1 << 18)
        system.mount("proc", "/proc", "proc")
        limit = Path("/proc/sys/kernel/pid_max")
        outside = int(limit.read_text())
        limit.write_text(str(min(outside, PROCESSES)))


def loopback_up() -> None:
    """Bring up the loopback device of this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP_RUNNING))
