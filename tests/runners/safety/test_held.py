"""What the walls hold, so that the belt need not: the commands run inside of them, beside what they could harm; and without them."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.metric import Metric
from autoresearch_magic.runners.command import CommandRunner
from autoresearch_magic.runners.export import Export
from autoresearch_magic.runners.safety.kinds import Kind, held_by
from autoresearch_magic.runners.safety.policy import danger
from autoresearch_magic.runners.walls import Walls, probe
from autoresearch_magic.source.files import split
from autoresearch_magic.storage.git.checkout import open_checkout
from autoresearch_magic.study.study import Study

from ...repositories import changed, repository, run_git
from .test_policy import BAD

needs_namespaces = pytest.mark.skipif(bool(probe()["namespaces"]), reason=f"namespaces: {probe()['namespaces']}")

NEEDED = {  # programs that not every machine has
    name: shutil.which(name) for name in ("rsync", "perl", "shred", "pkill", "killall", "sqlite3", "curl")
}

# HOME is the user's, with a checkout in it (~/work); PID is a process of the user, PORT a server, and SOCKET one that is a file.
HARMS = [
    "rm -rf ~/data", "rm -f ~/work/*.py", "rm -rf {home}/data", "/bin/rm -rf ~/data", "R=rm; $R -rf ~/data", "echo $(rm -rf ~/data)",
    "sh -c 'rm -rf ~/data'", "ls -d ~/data | xargs rm -rf", "echo 'rm -rf ~/data' | sh", "bash <<EOF\nrm -rf ~/data\nEOF", "eval 'rm -rf ~/data'",
    "trap 'rm -rf ~/data' EXIT", "find ~/data -type f -delete", "find ~/data -type f -exec rm {{}} +", "shred -u ~/data/a.csv",
    "mv ~/data/a.csv ~/data/b.csv", "rsync -a --delete work/ ~/data/", "python3 -c 'import os; os.remove(os.path.expanduser(\"~/data/a.csv\"))'",
    "python3 -c 'import shutil, os; shutil.rmtree(os.path.expanduser(\"~/data\"))'", "perl -e 'unlink \"{home}/data/a.csv\"'",
    ": > ~/data/a.csv", "truncate -s 0 ~/data/a.csv", "cp /dev/null ~/data/a.csv", "echo x >> ~/.bashrc", "echo x | tee ~/.bashrc",
    "dd if=/dev/zero of={home}/data/a.csv count=1", "chmod -R 777 ~/data", "chmod 600 ~/data/a.csv",
    "sqlite3 ~/data/shop.db 'DROP TABLE users'", "python3 -c 'import sqlite3; sqlite3.connect(\"{home}/data/shop.db\").execute(\"drop table users\")'",
    "git -C ~/work reset -q --hard HEAD~1", "git -C ~/work clean -fdq", "git -C ~/work checkout -q -- .", "git -C ~/work stash -q",
    "git -C ~/work branch -D old", "git -C ~/work commit -q --amend -m other", "git -C ~/work push -q {home}/remote.git HEAD:main",
    "git config --global user.name other", "cd ~/work && git restore .", "rm -rf ~/work/.git",
    "kill -9 {pid}", "sudo -n kill -9 {pid} || kill -9 {pid}", "pkill -f {token}", "kill -TERM {pid}",
    "curl -s -m 2 http://127.0.0.1:{port}/", "echo x > /dev/tcp/127.0.0.1/{port}",
    "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'",
    "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{socket}\")'",
]  # fmt: skip


class User:
    """A user with files, a checkout, a process, and a server on this machine."""

    def __init__(self, place: Path) -> None:
        self.home, self.token = place / "home", f"canary-{os.urandom(6).hex()}"
        (self.home / "data").mkdir(parents=True)
        (self.home / "data" / "a.csv").write_text("1,2\n")
        (self.home / ".bashrc").write_text("true\n")
        (self.home / ".gitconfig").write_text("[user]\nname = me\nemail = me@example.com\n")
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('create table users (name)')"
        subprocess.run([sys.executable, "-c", code, str(self.home / "data" / "shop.db")], check=True)
        work = repository(self.home / "work", {"a.py": "x = 1\n"})
        run_git(work, "branch", "old")
        (work / "a.py").write_text("x = 2\n")
        run_git(work, "commit", "-qam", "two")
        (work / "a.py").write_text("x = 3\n")
        (work / "new.py").write_text("x = 4\n")
        run_git(self.home, "init", "-q", "--bare", "remote.git")
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", self.token])
        self.calls = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(str(place / "s"))
        self.local.listen()
        for server in (self.server, self.local):
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()
        self.names = {"home": self.home, "pid": self.process.pid, "port": self.server.getsockname()[1], "token": self.token,
                      "socket": place / "s"}  # fmt: skip

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                call, _ = server.accept()
            except OSError:
                return
            self.calls += 1
            call.close()

    def state(self) -> dict[str, object]:
        """Return everything that a command could have harmed."""
        found: dict[str, object] = {
            str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in sorted(self.home.rglob("*"))
            if not path.name.endswith("-journal") and path.name != "index"  # git status refreshes the index
        }
        return {**found, "calls": self.calls, "alive": self.process.poll() is None}

    def close(self) -> None:
        """End the process and the servers."""
        self.process.kill()
        self.process.wait()
        self.server.close()
        self.local.close()


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    """A user, and a runner of commands that are confined."""
    place = tmp_path_factory.mktemp("held")
    repo = repository(place / "project", {"src/run.sh": "echo ms: 1\n", "bench.py": "1\n"})
    user = User(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(user.home))
        checkout, target, _ = open_checkout(repo, ("src/**",), ["python bench.py"])
        runner = CommandRunner(
            Export(place / "export", checkout, split(target)), "bash src/run.sh", Metric("ms", ""), worker_log=place / "log"
        )  # fmt: skip
        yield user, lambda text: runner.measure(changed(target, **{"src__run.sh": text}), seed=0, deadline=60)
        runner.close()
    user.close()


def lacking(command: str) -> str:
    return next((name for name, path in NEEDED.items() if path is None and name in shlex.quote(command)), "")


@pytest.mark.slow
@needs_namespaces
def test_inside_of_the_walls_no_command_harms_anything(confined):
    user, run = confined
    before = user.state()
    lines = "\n".join(f"(\n{command.format(**user.names)}\n) </dev/null >/dev/null 2>&1" for command in HARMS)
    measured = run(f"export HOME={user.home}\n{lines}\nkill -9 -1 & sleep 0.1\necho ms: 5\n")
    assert measured.value in (5, None)  # the last command may end the script itself
    assert user.state() == before
    measured = run(f"export HOME={user.home}\n{lines}\necho ms: 5\n")
    assert measured.value == 5, measured  # all of them were run
    assert user.state() == before


@pytest.mark.slow
@pytest.mark.parametrize("command", HARMS)
def test_without_walls_each_of_them_does_harm(command, tmp_path):
    if name := lacking(command):
        pytest.skip(f"there is no {name}")
    user = User(tmp_path)
    try:
        before = user.state()
        folder = tmp_path / "folder"
        (folder / "work").mkdir(parents=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(user.home)}
        subprocess.run(
            ["bash", "-c", command.format(**user.names)], cwd=folder, env=environment, capture_output=True, timeout=30
        )
        for _ in range(100):
            if (after := user.state()) != before:
                break
            threading.Event().wait(0.02)
        assert after != before
    finally:
        user.close()


REMOTE = {
    "pushes", "publishes", "production", "not on this machine", "infrastructure", "destroys",
}  # fmt: skip
"""What reaches further than this machine, or a server on it; of the databases those that are no files."""


@needs_namespaces
@pytest.mark.parametrize(("command", "reason"), BAD)
def test_the_belt_is_for_what_the_walls_do_not_hold(command, reason):
    remote = (reason in REMOTE and "sqlite3" not in command) or command.startswith("ssh ")
    downloads = reason in ("downloads", "decodes") or "nested" in reason
    assert bool(danger(command, Walls())) == bool(danger(command, Walls(network="on"))) == (remote or downloads)
    assert reason in danger(command, Walls(sandbox="off"))
    assert reason in danger(command, Walls(write=("/srv/data",)))
    assert reason in danger(command, Walls(layers=("landlock", "seccomp", "limits")))


@needs_namespaces
def test_what_is_held_depends_on_the_walls_and_on_what_opens_them():
    assert held_by(Walls()) == held_by(Walls(network="on")) == Kind.FILES | Kind.MACHINE
    assert held_by(Walls(read=("/run/docker.sock",))) == Kind.FILES
    for walls in (Walls(sandbox="off"), Walls(layers=("landlock",)), Walls(write=("/srv",))):
        assert held_by(walls) == Kind.NONE
    assert danger("psql -h /srv/shop/sockets -c 'drop table users'", Walls())  # a socket that no wall puts away
    assert danger("mysql -e 'drop database shop'", Walls())


@needs_namespaces
def test_a_study_refuses_what_its_walls_do_not_hold(tmp_path):
    repo = repository(tmp_path / "repo", {"src/run.py": "x = 1\n", "bench.sh": "echo ms: 1\n"})

    def define(**settings):
        return Study("Faster", scope=("src/**",), verify="rm -rf node_modules; sh bench.sh", repo=str(repo), metric="ms",
                     minimize=True, root=tmp_path / "studies", agent="command:true", **settings)  # fmt: skip

    define()
    with pytest.raises(UserError, match=r"deletes files \(rm -rf node_modules\).*With --sandbox auto it is run"):
        define(sandbox="off")
    with pytest.raises(UserError, match=r"deletes files") as refused:
        define(allow_write=(str(tmp_path),))
    assert "--sandbox auto" not in str(refused.value)
