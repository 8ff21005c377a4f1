"""Over HTTP: this machine alone, with a token, and not for a page of another origin."""

import httpx2
import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.mcp.http import read_address
from autoresearch_magic.ui.mcp.token import VARIABLE, OneToken, take_token

from .clients import HttpServer, run


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8765", ("127.0.0.1", 8765)), ("0", ("127.0.0.1", 0)), ("127.0.0.5:1", ("127.0.0.5", 1)), ("localhost:80", ("127.0.0.1", 80)),
        ("[::1]:0", ("::1", 0)),
    ],
)  # fmt: skip
def test_addresses(text, address):
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "http", "65536", "-1", ":80", "0.0.0.0:80", "[::]:80", "192.168.1.7:80", "example.org:80", "1:2:3"]
)
def test_other_addresses_are_refused(text):
    with pytest.raises(UserError, match=r"^--http (takes a port|serves this machine alone)"):
        read_address(text)


def test_a_token_is_new_unless_the_user_has_chosen_one(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    first, second = take_token(), take_token()
    assert first[0] != second[0]
    assert not first[1]
    monkeypatch.setenv(VARIABLE, "x" * 16)
    assert take_token() == ("x" * 16, True)
    for wrong in ("x" * 15, "x" * 20 + " y", "é" * 20):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UserError, match=f"{VARIABLE} must be at least 16"):
            take_token()


def test_only_the_token_is_accepted():
    verifier = OneToken("right")
    assert run(verifier.verify_token, "right").client_id == "local"
    assert run(verifier.verify_token, "wrong") is None
    assert run(verifier.verify_token, "") is None


@pytest.mark.slow
def test_the_server_refuses_strangers_and_ends_when_asked(tmp_path):
    server = HttpServer(tmp_path)

    def status(**headers):
        return httpx2.post(server.url, json={}, headers={**server.headers, **headers}).status_code

    assert status(Authorization="") == 401
    assert status(Authorization="Bearer wrong") == 401
    assert status(Host="example.org") == 421
    assert status(Origin="http://example.org") == 403
    assert status(Origin="null") == 403
    assert server.end() == 0
    assert server.process.stdout.closed
    assert "Traceback" not in server.errors


@pytest.mark.slow
def test_a_chosen_token_is_not_printed(tmp_path):
    server = HttpServer(tmp_path, **{VARIABLE: "a-chosen-token-of-mine"})
    assert server.headers == {"Authorization": f"Bearer (from {VARIABLE})"}
    assert (
        httpx2.post(server.url, json={}, headers={"Authorization": "Bearer a-chosen-token-of-mine"}).status_code != 401
    )
    assert server.end() == 0
    assert "a-chosen-token-of-mine" not in server.errors
