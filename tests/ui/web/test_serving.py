"""`autoresearch watch --web`: address, port and token from one start to the next, and what is started from the page."""

import os
import signal
import subprocess
import sys
import time

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.events import State
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.web.place import NAME, WebPlace, read_place, write_place
from autoresearch_magic.ui.web.serving import make_server

from ...studies import wait_for
from ..test_minimal_install import BASE


def watch(folder, *words, code=None, **env):
    """Begin to serve the page of a study; return process and address."""
    line = ["-c", code] if code else ["-m", "autoresearch_magic"]
    process = subprocess.Popen(
        [sys.executable, *line, "watch", "night", "--web", *words], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, **env},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests that a shell runs in the background ignore it
    )  # fmt: skip
    return process, process.stdout.readline().strip()


@pytest.fixture
def opened(tmp_path):
    return Study("# Lower it", "loss = 1.0\n", metric="loss", name="night", root=tmp_path).save()


def test_port_and_token_stay_the_same_so_that_open_pages_find_the_server_again(opened):
    first = make_server(opened)
    url = first.url
    other = make_server(opened)  # while the first one serves
    assert (other.port, other.token) != (first.port, first.token)
    other.server_close()
    first.server_close()
    again = make_server(opened)
    again.server_close()
    assert again.url == other.url != url, "the last one is remembered"
    assert (opened.folder / NAME).stat().st_mode & 0o077 == 0


def test_a_place_that_others_could_read_is_not_used(opened):
    write_place(opened.folder, WebPlace(4321, "x" * 20))
    assert read_place(opened.folder) == WebPlace(4321, "x" * 20)
    (opened.folder / NAME).chmod(0o644)
    assert read_place(opened.folder) is None
    (opened.folder / NAME).chmod(0o600)
    for wrong in (
        "",
        "[]",
        '{"port": 4321}',
        '{"port": "a", "token": "b"}',
        '{"port": 0, "token": "xxxxxxxxxxxxxxxxxxxx"}',
    ):
        (opened.folder / NAME).write_text(wrong)
        assert read_place(opened.folder) is None
    write_place(opened.folder / "none", WebPlace(4321, "x" * 20))


@pytest.mark.slow
def test_the_page_ends_and_the_study_goes_on(terminal, tmp_path):
    run = terminal("run", "-n", "500")
    code = f"{BASE}from autoresearch_magic.ui.cli import main; sys.exit(main(sys.argv[1:]))"
    served, url = watch(tmp_path, code=code, SSH_CONNECTION="192.0.2.1 1 192.0.2.7 22")
    assert url.startswith("http://127.0.0.1:")
    time.sleep(0.2)
    served.send_signal(signal.SIGINT)
    _, said = served.communicate(timeout=90)  # a busy machine takes its time
    assert served.returncode == 0
    port = url.rpartition("/")[0].rpartition(":")[2]
    assert f"ssh -N -L {port}:127.0.0.1:{port} " in said
    assert "@192.0.2.7" in said
    assert "The page has ended; night goes on." in said
    assert run.poll() is None
    assert read_place(tmp_path / ".autoresearch" / "night").port == int(port)


@pytest.mark.slow
def test_what_is_started_from_the_page_runs_in_a_process_of_its_own(opened):
    study = open_study(opened.folder)
    make_server(study).server_close()
    with pytest.raises(UserError, match="nobody"):
        study.step(agent="nobody")
    study.step(experiments=400)
    assert study.state == State.ELSEWHERE
    assert study.status.elsewhere.pid != os.getpid()
    wait_for(lambda: study.status.doing is State.PAUSED)
    assert study.settings.experiments == 400
    with pytest.raises(UserError, match="only after"):
        study.resume(experiments=300)
    study.stop()
    assert study.state == State.STOPPED
    runs = len(study.experiments[0].measurements)
    study.run_again(0)
    wait_for(lambda: len(study.refresh().experiments[0].measurements) == runs + 1)
    wait_for(lambda: study.refresh().state == State.STOPPED)
