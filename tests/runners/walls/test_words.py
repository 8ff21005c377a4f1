"""What is said about walls."""

import errno
import socket

import pytest

from autoresearch_magic.runners.walls import Walls, words

ALL = ("namespaces", "landlock", "seccomp", "limits")


def test_what_is_in_force_is_said_in_one_line():
    assert words.in_force(Walls(), ALL) == (
        "Sandbox: namespaces, Landlock, seccomp, limits. Experiments write to their own folder only, read nothing of your home but the "
        "project and caches and reach no network but servers that they start themselves."
    )
    assert "sockets of this machine's services" in words.in_force(Walls(), ("landlock", "seccomp"))
    assert "all networks" in words.in_force(Walls(network="on"), ALL)
    assert words.in_force(Walls(sandbox="off"), ()).startswith("Sandbox: off.")
    assert "no layer works" in words.in_force(Walls(), ())


@pytest.mark.parametrize(
    ("layers", "network", "sides"),
    [
        (ALL, "off", []),
        (("landlock", "seccomp"), "off", ["network"]),
        (("landlock",), "on", []),
        (("seccomp", "limits"), "off", ["files", "network"]),
        (("sandbox-exec",), "off", []),
    ],
)
def test_strict_refuses_where_a_side_is_open(layers, network, sides):
    missing = {layer: "it is not there" for layer in words.NAMES if layer not in layers}
    assert words.open_sides(Walls(network=network), layers) == sides
    refused = words.refusal(Walls(sandbox="strict", network=network), layers, missing, "Linux")
    assert bool(refused) == bool(sides)
    assert "\n" not in refused
    if sides:
        assert refused.startswith(f"--sandbox strict: {' and '.join(sides)} of experiments cannot be confined here (")
        assert "it is not there" in refused
        assert words.lacking(Walls(network=network), layers, missing)
    else:
        assert words.lacking(Walls(network=network), layers, missing) == ""
    assert words.refusal(Walls(network=network), layers, missing, "Linux") == "", "only strict refuses"


def test_strict_refuses_loopback_which_nothing_can_tell_from_the_rest():
    assert "loopback" not in words.refusal(Walls(sandbox="strict"), ALL, {}, "Linux")
    assert words.refusal(Walls(sandbox="strict", network="loopback"), ALL, {}, "Linux").startswith(
        "--sandbox strict: nothing can tell"
    )


def test_an_error_that_comes_from_a_wall_says_what_opens_it():
    def remedy(error, **options):
        return words.remedy_for(error, Walls(**options))

    assert "--allow-write PATH" in remedy(OSError(errno.EROFS, "", "/usr/x"))
    assert "--allow-read PATH" in remedy(PermissionError(errno.EACCES, "", "/srv/x"))
    assert "--allow-read PATH" in remedy(FileNotFoundError(errno.ENOENT, "", "/home/me/data.csv"))
    assert remedy(FileNotFoundError(errno.ENOENT, "", "/srv/data.csv")) == ""
    assert "--network on" in remedy(OSError(errno.ENETUNREACH, ""))
    assert "--network on" in remedy(socket.gaierror(-3, ""))
    assert "--network loopback" in remedy(ConnectionRefusedError(errno.ECONNREFUSED, ""))
    assert remedy(ConnectionRefusedError(errno.ECONNREFUSED, ""), network="on") == ""
    assert remedy(OSError(errno.EROFS, "", "/usr/x"), sandbox="off") == ""
    assert remedy(ValueError("no")) == ""
    wrapped = RuntimeError("download failed")
    wrapped.__cause__ = socket.gaierror(-3, "")
    assert "--network on" in remedy(wrapped)


def test_the_output_of_a_command_is_read_for_the_same():
    assert "--allow-write" in words.remedy_for_output("mkdir: cannot create 'x': Read-only file system\n", Walls())
    assert "--network on" in words.remedy_for_output("curl: (6) Could not resolve host: x\n", Walls())
    assert words.remedy_for_output("curl: (6) Could not resolve host: x\n", Walls(network="on")) == ""
    assert words.remedy_for_output("assert 1 == 2\n", Walls()) == ""


def test_a_program_that_the_walls_hide_is_told_with_what_shows_it(tmp_path):
    program = tmp_path / "tool"
    program.touch()
    told = words.remedy_for_output(f"/usr/bin/bash: line 1: {program}: No such file or directory\n", Walls())
    assert told == f"{program} is there, but an experiment does not see it; --allow-read {tmp_path} opens its folder"
    assert words.remedy_for_output(f"python: can't open file '{program}': [Errno 2] No such file", Walls())
    assert words.remedy_for_output(f"bash: {program}2: No such file or directory", Walls()) == ""
    assert words.remedy_for_output("bash: /usr/bin/python3: No such file or directory", Walls()) == ""
