"""A whole study that tells a server on loopback and a command, and keeps the address to itself."""

import pytest

from autoresearch_magic.events import Notice

from ...studies import QUICK, finish, wait_for
from .test_deliver import server  # noqa: F401  (a fixture)

SECRET = "zYxWvUtSrQpOnMlKjIhGfEdC"


@pytest.mark.slow
def test_a_proven_keep_and_the_end_are_told_and_the_address_is_in_no_file(server, make_study, script, tmp_path):  # noqa: F811
    root, said = tmp_path / "studies", []
    script(QUICK.replace("3.0", "2.0"), QUICK.replace("3.0", "2.5"))
    address = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
    command = f"echo $AUTORESEARCH_EVENT >> {tmp_path}/events"
    study = make_study(agent="script", experiments=2, name="night", root=root, notify=[address, command])
    study.observe(lambda event: said.append(event.message) if isinstance(event, Notice) else None)
    finish(study)
    wait_for(lambda: [body["event"] for _, _, body in server.requests] == ["keep", "end"])
    wait_for(lambda: (tmp_path / "events").exists() and (tmp_path / "events").read_text() == "keep\nend\n")
    assert {path for path, _, _ in server.requests} == {f"/services/{SECRET}"}
    keep, end = (body for _, _, body in server.requests)
    assert (keep["experiment"], keep["value"], keep["baseline"]) == (1, 1.0, 4.0)
    assert (end["state"], end["gain"]) == ("finished", 3.0)
    assert any("[key removed: AUTORESEARCH_KEY_" in line for line in said)
    assert SECRET not in "".join(said)
    assert SECRET not in repr(study.settings)
    files = [path for path in root.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
