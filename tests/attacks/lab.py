"""A place to attack: a home with secrets, a project, a process that stands for the kernel, listeners; and what has become of them.

Everything lies in one folder, and the attacks are told where it is: they aim at nothing else of this machine.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import selectors
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from autoresearch_magic.runners.worker.processes import PR_SET_CHILD_SUBREAPER, prctl

BYSTANDER = """
import ctypes, os, sys, time
secret = sys.stdin.readline().strip().encode()
memory = ctypes.create_string_buffer(secret, 4096)
print(ctypes.addressof(memory), flush=True)
for line in sys.stdin:
    print("same" if memory.value == secret else "changed", flush=True)
"""
"""A process of the same user that holds a secret in its environment and its memory, as a kernel does."""

SHARED_FOLDERS = ("/dev/shm", "/tmp", "/var/tmp", "/run/lock")


class Listener:
    """Servers on loopback that count who reaches them."""

    def __init__(self, name: str, folder: Path) -> None:
        self.reached: list[str] = []
        self._selector = selectors.DefaultSelector()
        self._end, ended = socket.socketpair()
        self._selector.register(ended, selectors.EVENT_READ)
        self.tcp = self._listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.udp = self._listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self.abstract = f"\0{name}"
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, self.abstract)
        self.path = str(folder / "s")
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, self.path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _listen(self, family: int, kind: int, address: object) -> object:
        server = socket.socket(family, kind)
        server.bind(address)
        if kind == socket.SOCK_STREAM:
            server.listen(64)
        self._selector.register(server, selectors.EVENT_READ, kind)
        return server.getsockname()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                server = key.fileobj
                if key.data is None:
                    return
                if key.data == socket.SOCK_DGRAM:
                    server.recvfrom(4096)
                else:
                    server.accept()[0].close()
                self.reached.append(f"{socket.AddressFamily(server.family).name} {server.getsockname()!r}")

    def close(self) -> None:
        self._end.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()


class Lab:
    """The place, made anew in an empty folder; the working directory and HOME of this process become parts of it.

    Parameters
    ----------
    folder : Path
    setenv, chdir : callable
        Of pytest's monkeypatch, or `os.environ.__setitem__` and `os.chdir`.
    """

    def __init__(self, folder: Path, setenv=os.environ.__setitem__, chdir=os.chdir) -> None:
        self.mark = f"arattack{secrets.token_hex(6)}"
        self.token = f"won{secrets.token_hex(8)}"
        self.folder = folder
        self.home, self.outside, self.tmp, self.logs = (folder / name for name in ("home", "outside", "tmp", "logs"))
        self.project = self.home / "project"
        self._secrets = {
            "an ssh key": self.home / ".ssh" / "id_ed25519",
            "cloud credentials": self.home / ".aws" / "credentials",
            "a netrc": self.home / ".netrc",
            "a hub token": self.home / ".cache" / "huggingface" / "token",
            "a document": self.home / "documents" / "letter.txt",
            "a connection file": self.home / ".local/share/jupyter/runtime/kernel-1.json",
            "a shell history": self.home / ".bash_history",
            "a journal": self.project / ".autoresearch" / "other" / "journal.sqlite",
            "a log": self.project / ".autoresearch" / "other" / "logs" / "0001.log",
            "a git config": self.project / ".git" / "config",
            "another run's folder": self.tmp / "autoresearch-another" / "result.txt",
        }
        self.canaries = {what: f"canary{secrets.token_hex(12)}" for what in self._secrets}
        self.key = f"sk-ant-{secrets.token_hex(20)}"
        self.canaries["a key of the environment"] = self.key
        self.hub = f"hf_{secrets.token_hex(17)}"
        self.canaries["a passed key"] = self.hub
        for name, value in {
            "HOME": self.home, "TMPDIR": self.tmp, "ANTHROPIC_API_KEY": self.key, "HF_TOKEN": self.hub, "ATTACK_MARK": self.mark,
            "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": self.home / ".cache",
        }.items():  # fmt: skip
            setenv(name, str(value))
        self._chdir = chdir
        folder.mkdir(parents=True)
        self.restore()
        self.listener = Listener(self.mark, folder)
        self.terminal = os.openpty()
        if sys.platform == "linux":
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.bystander: subprocess.Popen[str] | None = None
        self.address = 0
        self.start_bystander()

    def restore(self) -> None:
        """Make all files as they were at the beginning."""
        self._chdir("/")
        for place in (self.home, self.outside, self.tmp, self.logs):
            remove(place)
            place.mkdir()
        self.remove_left()
        for what, place in self._secrets.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.canaries[what] + "\n")
        (self.project / ".git" / "hooks").mkdir()
        (self.project / "data.txt").write_text("4.0\n")
        (self.project / "notebook.ipynb").write_text("{}")
        (self.outside / "file.txt").write_text("outside")
        self._chdir(self.project)

    def remove_left(self) -> None:
        """Delete what attacks have left in folders that all programs share."""
        for top in SHARED_FOLDERS:
            with suppress(OSError):
                for name in os.listdir(top):
                    if self.mark in name:
                        remove(Path(top, name))

    def start_bystander(self) -> None:
        """Start the process that stands for the kernel, in the place of one that an attack has ended."""
        self.stop_bystander()
        self.canaries["another process's environment"] = first = f"canary{secrets.token_hex(12)}"
        self.canaries["another process's memory"] = second = f"canary{secrets.token_hex(12)}"
        self.bystander = subprocess.Popen(
            [sys.executable, "-S", "-c", BYSTANDER],
            env={"SECRET": first}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert self.bystander.stdin is not None
        assert self.bystander.stdout is not None
        self.bystander.stdin.write(f"{second}\n")
        self.bystander.stdin.flush()
        self.address = int(self.bystander.stdout.readline())
        self.limits = self._limits()

    def _limits(self) -> str:
        assert self.bystander is not None
        return Path(f"/proc/{self.bystander.pid}/limits").read_text()

    def stop_bystander(self) -> None:
        if self.bystander is not None:
            self.bystander.kill()
            self.bystander.wait()
            for stream in (self.bystander.stdin, self.bystander.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            self.bystander = None

    def bystander_problem(self) -> str:
        """Return what has been done to the bystander; empty for nothing. A harmed one is replaced."""
        found = self._bystander_problem()
        if found:
            self.start_bystander()
        return found

    def _bystander_problem(self) -> str:
        process = self.bystander
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        if process.poll() is not None:
            return "ended the other process"
        if psutil.Process(process.pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
            return "stopped the other process"
        if self._limits() != self.limits:
            return "changed the other process's limits"
        process.stdin.write("check\n")
        process.stdin.flush()
        return "" if process.stdout.readline() == "same\n" else "changed the other process's memory"

    def knowledge(self) -> str:
        """Return Python source that tells an attack what it may aim at."""
        assert self.bystander is not None
        return f"""
import os as _os
class LAB:
    worker = _os.getpid()
    kernel = {self.bystander.pid}
    address = {self.address}
    home, project, outside, logs, tmp = {[str(p) for p in (self.home, self.project, self.outside, self.logs, self.tmp)]!r}
    mark = {self.mark!r}
    terminal = {os.ttyname(self.terminal[1])!r}
    tcp, udp, abstract, unix = {self.listener.tcp!r}, {self.listener.udp!r}, {self.listener.abstract!r}, {self.listener.path!r}
def won(what):
    print("{self.token}", what, flush=True)
"""

    # -- before and after -----------------------------------------------------------------------------------------------------

    def files(self) -> dict[str, str]:
        """Return all files that a run must leave alone, with what they are."""
        found = {}
        for top in (self.home, self.outside):
            for folder, names, files in os.walk(top):
                for name in [*names, *files, "."]:
                    place = os.path.join(folder, name)
                    with suppress(OSError):
                        found[place] = describe(place)
        for top in (*SHARED_FOLDERS, str(self.tmp)):
            with suppress(OSError):
                for name in os.listdir(top):
                    if self.mark in name or (top == str(self.tmp) and not name.startswith("autoresearch-")):
                        found[f"{top}/{name}"] = "left"
        return found

    def processes(self) -> dict[int, str]:
        """Return all processes below this one: as their subreaper, it is the parent of those that lost theirs."""
        found = {}
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if self.bystander is None or process.pid != self.bystander.pid:
                    found[process.pid] = " ".join(process.cmdline())[:80]
        return found

    def leaked(self, *texts: str) -> list[str]:
        """Return the secrets that stand in texts, and what attacks say in the first one that they have done."""
        found = [f"read {what}" for what, canary in self.canaries.items() if any(canary in text for text in texts)]
        return found + [line.partition(self.token)[2].strip() for line in texts[0].splitlines() if self.token in line]

    def close(self) -> None:
        """End everything that the lab or an attack has left, and delete the folder."""
        self.stop_bystander()
        self.listener.close()
        for fd in self.terminal:
            os.close(fd)
        if sys.platform == "linux":
            prctl(PR_SET_CHILD_SUBREAPER, 0)
        self.remove_left()
        remove(self.folder)
        for child in psutil.Process().children():  # what this process had to adopt
            with suppress(psutil.Error, ChildProcessError):
                if child.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(child.pid, os.WNOHANG)


def describe(place: str) -> str:
    """Return type, mode, size and content of a file in one line."""
    status = os.lstat(place)
    kind = stat.filemode(status.st_mode)
    if stat.S_ISREG(status.st_mode):
        with open(place, "rb") as stream:
            return f"{kind} {status.st_size} {status.st_nlink} {hashlib.sha256(stream.read(1 << 20)).hexdigest()[:12]}"
    return f"{kind} {os.readlink(place)}" if stat.S_ISLNK(status.st_mode) else kind


def remove(place: Path) -> None:
    """Delete a file or a folder, also where modes forbid it."""
    if place.is_symlink() or not place.is_dir():
        place.unlink(missing_ok=True)
        return
    with suppress(OSError):
        place.chmod(0o700)
    for each in list(place.iterdir()):
        remove(each)
    place.rmdir()


def end_processes(pids: list[int]) -> None:
    """Kill processes that an attack has left behind, and reap them."""
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.02 if pids else 0)
    reap(pids)


def reap(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(OSError):
            os.waitpid(pid, os.WNOHANG)


def wait_gone(lab: Lab, before: set[int], seconds: float = 4.0) -> dict[int, str]:
    """Return the processes that were not there before and are still there after a while."""
    end = time.monotonic() + seconds
    while left := {pid: what for pid, what in lab.processes().items() if pid not in before}:
        reap(left)
        if time.monotonic() > end:
            break
        time.sleep(0.03)
    return left


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return what was done to files, a line each."""
    made = [f"left {path}" for path in after.keys() - before.keys()]
    gone = [f"deleted {path}" for path in before.keys() - after.keys()]
    return made + gone + [f"changed {path}" for path in before.keys() & after.keys() if before[path] != after[path]]
