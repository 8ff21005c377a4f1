"""The tuner on programs of many kinds and styles: it finds what a person would tune, and nothing else."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_magic.agents import Briefing
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.errors import NothingToPropose
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import Constant, find_constants
from autoresearch_magic.source.edits import check_syntax, fingerprint

from .example_programs import PROGRAMS, Expected

FOLDER = Path(__file__).parent / "programs"
RUN = """
import contextlib, io, json, os, signal, sys, traceback, warnings
warnings.simplefilter("ignore")
os.environ["OMP_NUM_THREADS"] = "1"
def expired(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, expired)
wrong = []
for name, source in json.load(sys.stdin):
    sys.argv = [name]
    out = io.StringIO()
    signal.alarm(60)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(source, name, "exec"), {"__name__": "__main__", "__doc__": ""})
        if not out.getvalue().strip():
            wrong.append((name, "it prints nothing", source))
    except BaseException:
        wrong.append((name, traceback.format_exc()[-500:], source))
    signal.alarm(0)
json.dump(wrong, sys.stdout)
"""


def is_meant(constant: Constant, wish: str) -> bool:
    if wish.startswith("="):
        return not isinstance(constant.value, str | bool) and constant.value == float(wish[1:])
    name = re.sub(r"#\d+$", "", constant.name).lstrip("-")
    return name == wish or name.endswith(f".{wish}")


def found_in(name: str) -> list[Constant]:
    return find_constants((FOLDER / f"{name}.py").read_text(), metric=PROGRAMS[name].metric)


def recall(name: str) -> float:
    wishes, found = PROGRAMS[name].main.split(), found_in(name)
    return sum(any(is_meant(constant, wish) for constant in found) for wish in wishes) / len(wishes)


def proposals(name: str, count: int) -> list[str]:
    """Return the first proposals of a study in which every second experiment is kept."""
    metric = Metric(PROGRAMS[name].metric, PROGRAMS[name].metric)
    source = (FOLDER / f"{name}.py").read_text()
    agent = Tuner("", source, metric)
    history = [made(0, source, 1.0, Verdict.BASELINE)]
    incumbent = history[0]
    for number in range(1, count + 1):
        try:
            proposal = agent.propose(Briefing("", "", metric, incumbent, tuple(history), number))
        except NothingToPropose:
            break
        new = made(number, proposal.target, 1.0 - number / 100, Verdict.DISCARD)
        new = replace(new, parent=incumbent.number, verdict=Verdict.KEEP if number % 2 else Verdict.DISCARD)
        history.append(new)
        incumbent = new if new.verdict is Verdict.KEEP else incumbent
    return [e.target for e in history[1:]]


def made(number: int, target: str, value: float, verdict: Verdict) -> Experiment:
    run = Measurement(Outcome.OK, value, seed=0)
    return Experiment(number, None, Proposal(target, "a change"), fingerprint(target), verdict, measurements=(run,))


def test_every_program_has_an_opinion_beside_it() -> None:
    assert sorted(PROGRAMS) == sorted(path.stem for path in FOLDER.glob("*.py"))
    assert len(PROGRAMS) >= 40
    assert len({each.kind for each in PROGRAMS.values()}) >= 10


@pytest.mark.parametrize(("name", "expected"), PROGRAMS.items())
def test_nothing_that_must_stay_is_tuned(name: str, expected: Expected) -> None:
    meant = expected.main.split()
    for constant in found_in(name):
        forbidden = [each for each in expected.never.split() if is_meant(constant, each)]
        assert not forbidden or any(is_meant(constant, each) for each in meant), constant


def test_it_finds_what_a_person_would_tune() -> None:
    shares = {name: recall(name) for name in PROGRAMS}
    assert sum(share > 0 for share in shares.values()) >= 0.9 * len(shares), shares
    assert statistics.fmean(shares.values()) >= 0.85, shares


def test_the_most_important_constants_come_first() -> None:
    for name, expected in PROGRAMS.items():
        found = sorted(found_in(name), key=lambda constant: -constant.importance)[:8]
        assert any(is_meant(constant, wish) for constant in found for wish in expected.main.split()), name


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_proposals_parse_and_change_literals_alone(name: str) -> None:
    source = (FOLDER / f"{name}.py").read_text()
    constants = found_in(name)
    pieces = [
        source[a:b]
        for a, b in zip([0, *(c.end for c in constants)], [*(c.start for c in constants), None], strict=True)
    ]
    pattern = re.compile(r"([^\n]+?)".join(map(re.escape, pieces)))
    made_proposals = proposals(name, 10)
    assert len(made_proposals) > 3
    for target in made_proposals:
        check_syntax(target)
        assert target != source
        assert pattern.fullmatch(target), "something besides the literals has changed"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(6))
def test_proposals_run(part: int) -> None:
    names = sorted(name for name, each in PROGRAMS.items() if each.runs)[part::6]
    sources = [(name, source) for name in names for source in proposals(name, 1)]
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(sources), capture_output=True, text=True, timeout=900, check=True
    )
    assert json.loads(done.stdout) == []
