"""Keys on the command lines of agents' programs."""

import sys

import pytest

from autoresearch_magic.agents.command_keys import moved, told
from autoresearch_magic.agents.processes import run_program

KEY = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SHOW = "import os; print(open('/proc/self/cmdline').read().count('g' + 'hp_'), os.environ.get('TOKEN'), 'AUTORESEARCH_LINE' in os.environ)"


@pytest.mark.parametrize(
    "arguments",
    [
        ["/usr/bin/env", f"TOKEN={KEY}", sys.executable, "-c", SHOW],
        ["/bin/sh", "-c", f'TOKEN={KEY} {sys.executable} -c "{SHOW}"'],
        ["/usr/bin/env", f"TOKEN={KEY}", "/bin/sh", "-ec", f'echo {KEY} >/dev/null; {sys.executable} -c "{SHOW}"'],
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_key_is_in_the_environment_alone(arguments, tmp_path):
    assert told(arguments) == ""
    ending = run_program(
        arguments, text="", folder=tmp_path, env={"PATH": "/usr/bin:/bin"}, deadline=20, wait=lambda *_: None
    )
    assert (ending.output.strip(), ending.errors) == (f"0 {KEY} False", "")


def test_a_program_that_takes_its_key_as_an_argument_is_told():
    words = ["/usr/bin/curl", "-H", f"x-api-key: {KEY}"]
    assert moved(words, {"A": "b"}) == (words, {"A": "b"})
    assert told(words).startswith("The key on the command line of curl can be read by every user of this machine")
    assert KEY not in told(words)


@pytest.mark.parametrize(
    "words",
    [["/bin/sh", "-c", "echo $TOKEN"], ["/usr/bin/env", "A=b", "prog"], ["/bin/sh", "run.sh", "-c", "x"], ["prog"]],
)
def test_a_line_without_a_key_stays(words):
    assert moved(words, {}) == (words, {})
    assert told(words) == ""


def test_the_arguments_behind_a_shells_text_stay():
    words, variables = moved(["/bin/bash", "-o", "pipefail", "-c", f"prog {KEY} $1", "name", "one"], {})
    assert words[:4] + words[5:] == ["/bin/bash", "-o", "pipefail", "-c", "name", "one"]
    assert variables == {"AUTORESEARCH_LINE": f"prog {KEY} $1"}
