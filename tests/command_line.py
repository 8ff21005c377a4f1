"""The command line in processes of their own, without the second that each new Python takes to import it.

A process imports the command line once and is forked for each call, with the call's folder, environment and streams. It
ends as any other Python does. What a test finds out about a start itself, or ends by a signal, is a real start of its own.
"""

import atexit
import gc
import json
import os
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
BEGIN = """
import os, sys
if os.fork():
    os._exit(0)
from tests.command_line import serve
serve(sys.argv[1], int(sys.argv[2]))
"""
"""The process is nobody's child: tests look whether the process that runs them has children that it should not have."""


def shell(folder, *words, env=None, timeout=120):
    """Run ``autoresearch WORDS`` in a folder.

    Parameters
    ----------
    env : dict, optional
        Variables in addition to those of this process, or instead of them.
    timeout : float
        Seconds, after which the process is killed.

    Returns
    -------
    subprocess.CompletedProcess
        Its outputs are texts.
    """
    env = {**os.environ, **(env or {})}
    if not hasattr(os, "pidfd_open"):
        line = [sys.executable, "-m", "autoresearch_magic", *words]
        return subprocess.run(
            line, cwd=folder, capture_output=True, text=True, timeout=timeout, env=env, stdin=subprocess.DEVNULL
        )  # fmt: skip
    order = {"folder": str(folder), "words": [str(word) for word in words], "env": env}
    with (
        tempfile.TemporaryFile("r+", encoding="utf-8") as out,
        tempfile.TemporaryFile("r+", encoding="utf-8") as err,
        open(os.devnull) as no,
    ):
        code = _Server.the().call(order, [no.fileno(), out.fileno(), err.fileno()], timeout)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read())
    return subprocess.CompletedProcess(["autoresearch", *words], code, *texts)


class _Server:
    """The process that is forked, seen from the tests."""

    _made = None

    @classmethod
    def the(cls):
        """Return the one of this process; it ends with it."""
        if cls._made is None or cls._made.owner != os.getpid():
            cls._made = cls()
        return cls._made

    def __init__(self):
        self.owner = os.getpid()
        self.folder = tempfile.mkdtemp(prefix="ar-command-line-")
        self.path = os.path.join(self.folder, "s")
        ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN, self.path, str(theirs)],
            cwd=PROJECT, stdin=subprocess.PIPE, pass_fds=[theirs], start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        with open(ours, "rb") as ready:
            assert ready.read(1) == b"r", "the process that imports the command line has ended"
        self.process.wait()
        atexit.register(self.close)

    def close(self):
        if os.getpid() == self.owner:
            self.process.stdin.close()  # at which it ends
            Path(self.path).unlink(missing_ok=True)
            os.rmdir(self.folder)

    def call(self, order, streams, timeout):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path)
            connection.settimeout(timeout)
            socket.send_fds(connection, [b"s"], streams)
            content = json.dumps(order).encode()
            connection.sendall(struct.pack("!I", len(content)) + content)
            with connection.makefile("rb") as answers:
                pid = int(answers.readline())
                try:
                    return int(answers.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(order["words"], timeout) from None


def serve(path, ready):
    """Import the command line, and fork for each connection until the standard input ends."""
    from autoresearch_magic.ui import cli

    with socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as selector:
        server.bind(path)
        server.listen(16)
        selector.register(server, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)  # its other end is closed when the tests end, however they do
        gc.collect()
        gc.freeze()
        os.write(ready, b"r")
        os.close(ready)
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    return
                if key.data is not None:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid, connection = key.data
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    _tell(connection, code)
                    connection.close()
                    continue
                connection, _ = server.accept()
                _, streams, _, _ = socket.recv_fds(connection, 1, 3)
                with connection.makefile("rb") as stream:
                    order = json.loads(stream.read(struct.unpack("!I", stream.read(4))[0]))
                pid = os.fork()
                if pid == 0:
                    for each in selector.get_map().values():
                        if each.data is not None:
                            each.data[1].close()
                            os.close(each.fd)
                    selector.close()
                    server.close()
                    connection.close()
                    sys.exit(_run(cli.main, streams, **order))
                for each in streams:
                    os.close(each)
                _tell(connection, pid)
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))


def _tell(connection, number):
    try:
        connection.sendall(f"{number}\n".encode())
    except OSError:
        pass  # the test has given up


def _run(main, streams, folder, words, env):
    """Become what a new process would be, and carry out the command line."""
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.setpgid(0, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = folder
    sys.argv = ["autoresearch", *words]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    random.seed()
    return main()
