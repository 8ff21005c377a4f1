"""Limits of a process that another one has lowered are put back, or told."""

import resource
import subprocess
import sys

import pytest

from autoresearch_magic.runners.own_limits import OwnLimits


def limits():
    return resource.getrlimit(resource.RLIMIT_NOFILE)


@pytest.fixture
def own():
    before = limits()
    yield OwnLimits()
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0], limits()[1]))


def test_nothing_is_said_where_nothing_was_lowered(own):
    assert own.restore() == []
    soft, hard = limits()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft + 1, hard), hard))  # raised by the user
    assert (own.restore(), own.lowered) == ([], False)


def test_a_lowered_limit_is_put_back_and_told(own):
    soft, hard = limits()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    assert own.lowered
    (line,) = own.restore()
    assert (
        line
        == "A limit of the process that runs the study (RLIMIT_NOFILE) was lowered while a target ran, and was put back."
    )
    assert limits() == (soft, hard)
    assert own.restore() == []


def test_a_hard_limit_that_an_ordinary_user_cannot_raise_is_told_once():
    code = """
import os, resource
from autoresearch_magic.runners.own_limits import OwnLimits
if os.getuid() == 0: os.setgid(65534); os.setuid(65534)
own = OwnLimits()
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 64))
(line,) = own.restore()
assert 'lowered to 64 while a target ran, and cannot be put back' in line, line
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (64, 64)
assert own.restore() == [] and own.lowered
"""
    subprocess.run([sys.executable, "-c", code], check=True)
