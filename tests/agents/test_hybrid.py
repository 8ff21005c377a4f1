"""The hybrid: which agent it asks, and what it does when that agent has nothing to propose."""

import math
import random
from dataclasses import replace

import pytest

from autoresearch_magic.agents import Agent, Briefing
from autoresearch_magic.agents.hybrid import ARMS, Hybrid, RebuiltAgent, agents_of, choose, shares
from autoresearch_magic.agents.llm.backend import as_text
from autoresearch_magic.agents.llm.prompt import build_prompt
from autoresearch_magic.agents.tuner import Tuner
from autoresearch_magic.errors import CallFailed, NothingToPropose, ProposalFailed, UserError
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.source.constants import read_values
from autoresearch_magic.source.edits import fingerprint

BASELINE = Experiment(0, None, Proposal("X = 3.0", "baseline"), verdict=Verdict.BASELINE)
AGENTS = {"structure": "claude-x", "numbers": "tuner"}


def judged(number, arm, verdict):
    return Experiment(number, 0, Proposal(f"X = {number}", "s", agent=AGENTS[arm]), verdict=verdict)


def simulate(chances, length, seed=0):
    """Simulate the bandit with given probabilities of a keep; return the arms it chose and the history."""
    draw, history, asked = random.Random(seed), [BASELINE], []
    for number in range(1, length + 1):
        arm = choose(history, seed=seed, number=number)
        keep = draw.random() < chances(number)[arm]
        history.append(judged(number, arm, Verdict.KEEP if keep else Verdict.DISCARD))
        asked.append(arm)
    return asked, history


def share_of(arm, runs):
    return sum(asked.count(arm) for asked in runs) / sum(map(len, runs))


def briefing(history=(BASELINE,), target="X = 3.0\n", number=1, seed=0):
    incumbent = Experiment(0, None, Proposal(target, "baseline"), verdict=Verdict.BASELINE)
    return Briefing("Lower it", "", Metric("loss", "loss"), incumbent, tuple(history), number, seed)


class Says(Agent):
    """An agent that always proposes, or raises, the same."""

    def __init__(self, what):
        self.what = what
        self.asked = 0

    def propose(self, briefing):
        self.asked += 1
        if isinstance(self.what, Exception):
            raise self.what
        return Proposal("X = 1.0\n", "s", agent=self.what)


# -- whom it asks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("better", ARMS)
def test_the_better_agent_is_asked_more_often(better):
    runs = [simulate(lambda n: {arm: 0.5 if arm == better else 0.05 for arm in ARMS}, 24, s)[0] for s in range(60)]
    assert share_of(better, runs) > 0.75


@pytest.mark.parametrize("first", ARMS)
def test_it_switches_when_the_other_agent_becomes_better(first):
    def chances(number):
        return {arm: 0.6 if (arm == first) == (number <= 20) else 0.05 for arm in ARMS}

    runs = [simulate(chances, 40, s)[0] for s in range(60)]
    assert share_of(first, [asked[:20] for asked in runs]) > 0.7
    assert share_of(first, [asked[30:] for asked in runs]) < 0.4


@pytest.mark.parametrize("better", ARMS)
def test_the_worse_agent_is_still_asked(better):
    asked, _ = simulate(lambda n: {arm: float(arm == better) for arm in ARMS}, 200)
    others = [i for i, arm in enumerate(asked) if arm != better]
    gaps = [b - a for a, b in zip([-1, *others], [*others, 200], strict=True)]
    assert len(others) >= 10
    assert max(gaps) <= 18


def test_both_agents_are_asked_first():
    for seed in range(10):
        asked, _ = simulate(lambda n: dict.fromkeys(ARMS, 0.0), 2, seed)
        assert set(asked) == set(ARMS)


def test_without_keeps_both_are_asked_equally():
    runs = [simulate(lambda n: dict.fromkeys(ARMS, 0.0), 24, s)[0] for s in range(20)]
    assert 0.4 < share_of("numbers", runs) < 0.6


def test_ties_are_decided_by_seed_and_number():
    _, history = simulate(lambda n: dict.fromkeys(ARMS, 0.3), 12)
    assert len({choose(history, seed=3, number=13) for _ in range(5)}) == 1
    assert {choose([BASELINE], seed=seed) for seed in range(20)} == set(ARMS)


@pytest.mark.parametrize("verdict", [v for v in Verdict if not v.kept])
def test_only_a_keep_is_a_reward(verdict):
    history = [BASELINE, judged(1, "numbers", Verdict.KEEP), judged(2, "structure", verdict)]
    history += [judged(3, "numbers", Verdict.KEEP), judged(4, "structure", verdict)]
    assert choose(history, number=5) == "numbers"


def test_unjudged_experiments_do_not_count():
    assert shares([BASELINE, judged(1, "numbers", None)]) == {"structure": 0.5, "numbers": 0.5}


def test_shares():
    assert shares([]) == {"structure": 0.5, "numbers": 0.5}
    history = [BASELINE, *(judged(n, "numbers", Verdict.DISCARD) for n in (1, 2)), judged(3, "structure", Verdict.KEEP)]
    told = shares(history)
    assert sum(told.values()) == pytest.approx(1)
    assert told["structure"] == pytest.approx(1 / (1 + 0.9 + 0.81))


# -- what it proposes -------------------------------------------------------------------------------------------------


def asking(arm):
    """Return a briefing for which `arm` is chosen."""
    other = next(a for a in ARMS if a != arm)
    history = [BASELINE, judged(1, arm, Verdict.KEEP), judged(2, other, Verdict.CRASH), judged(3, arm, Verdict.KEEP)]
    assert choose(history, number=4) == arm
    return briefing(history, number=4)


@pytest.mark.parametrize("arm", ARMS)
def test_the_chosen_agent_proposes(arm):
    agents = {"structure": Says("claude-x"), "numbers": Says("tuner")}
    assert Hybrid(**agents).propose(asking(arm)).agent == AGENTS[arm]
    assert [agents[a].asked for a in ARMS] == [int(a == arm) for a in ARMS]


@pytest.mark.parametrize("error", [NothingToPropose("All tried."), UserError("Nothing to tune.")])
def test_structure_replaces_numbers_without_a_proposal(error):
    assert Hybrid(Says("claude-x"), Says(error)).propose(asking("numbers")).agent == "claude-x"


def test_numbers_replace_structure_without_a_proposal():
    assert Hybrid(Says(NothingToPropose("Done.")), Says("tuner")).propose(asking("structure")).agent == "tuner"


@pytest.mark.parametrize("arm", ARMS)
def test_it_ends_when_neither_has_a_proposal(arm):
    with pytest.raises(NothingToPropose, match="Done"):
        Hybrid(Says(NothingToPropose("Done.")), Says(UserError("Nothing to tune."))).propose(asking(arm))


@pytest.mark.parametrize("error", [ProposalFailed("No usable reply."), UserError("The key is wrong.")])
def test_errors_of_the_model_are_raised(error):
    numbers = Says("tuner")
    with pytest.raises(type(error), match=str(error)):
        Hybrid(Says(error), numbers).propose(asking("structure"))
    assert numbers.asked == 0


@pytest.mark.parametrize("error", [CallFailed("The network is down."), UserError("The login has expired.")])
def test_numbers_go_on_alone_while_a_model_that_worked_cannot_be_reached(error):
    told = []
    asked = asking("structure")
    ran = replace(asked.history[1], measurements=(Measurement(Outcome.OK, 1.0, 0),))
    asked = replace(
        asked, history=(BASELINE, ran, *asked.history[2:]), wait=lambda seconds, reason: told.append(reason)
    )
    structure = Says(error)
    structure.name = "claude-x"
    assert Hybrid(structure, Says("tuner")).propose(asked).agent == "tuner"
    assert told == [f"{error} Meanwhile tuner goes on alone."]
    with pytest.raises(type(error), match=str(error)):
        Hybrid(structure, Says(UserError("Nothing to tune."))).propose(asked)


def test_numbers_go_on_alone_during_a_long_limit_and_else_it_is_waited_out():
    waits = []
    asked = replace(asking("structure"), wait=lambda seconds, reason: waits.append((seconds, reason)))

    class Limited(Says):
        def propose(self, briefing):
            briefing.wait(7200.0, "At the limit.")
            return super().propose(briefing)

    assert Hybrid(Limited("claude-x"), Says("tuner")).propose(asked).agent == "tuner"
    assert waits == [(0.0, "At the limit. Meanwhile tuner goes on alone.")]
    waits.clear()
    assert Hybrid(Limited("claude-x"), Says(UserError("Nothing to tune."))).propose(asked).agent == "claude-x"
    assert waits == [(7200.0, "At the limit.")]


def test_a_failed_proposal_counts_against_structure():
    failed = Experiment(2, 0, Proposal("X", "no proposal", agent="hybrid:claude+tuner", failure="x"))
    history = [BASELINE, judged(1, "numbers", Verdict.KEEP), failed]
    told = shares([*history[:2], Experiment(2, 0, failed.proposal, verdict=Verdict.REJECTED)])
    assert told["structure"] > told["numbers"]


def test_two_equal_agents_are_refused():
    with pytest.raises(UserError, match="two different"):
        Hybrid(Tuner("", "X = 3.0"), Tuner("", "X = 3.0"))


def test_numbers_by_an_agent_with_another_name():
    numbers = Says("grid")
    numbers.name = "grid"
    history = [BASELINE, *(Experiment(n, 0, Proposal("X", "s", agent="grid"), verdict=Verdict.CRASH) for n in (1, 2))]
    assert Hybrid(Says("claude-x"), numbers).propose(briefing(history, number=3)).agent == "claude-x"


def test_slow_and_check_are_those_of_its_parts():
    structure = Says("claude-x")
    hybrid = Hybrid(structure, Says("tuner"))
    assert not hybrid.slow
    hybrid.check()
    structure.slow = True
    structure.check = lambda: (_ for _ in ()).throw(UserError("The key is wrong."))
    hybrid = Hybrid(structure, Says("tuner"))
    assert hybrid.slow
    with pytest.raises(UserError, match="key"):
        hybrid.check()


def test_the_tuner_may_find_constants_later():
    later = RebuiltAgent(lambda target: Tuner("", target))
    hybrid = Hybrid(Says("claude-x"), later)
    now = asking("numbers")
    assert hybrid.propose(now).agent == "tuner"
    nothing = briefing(now.history, target="print('no constants')\n", number=4)
    assert hybrid.propose(nothing).agent == "claude-x"
    with pytest.raises(UserError, match="two different"):
        Hybrid(Tuner("", "X = 3.0"), later)


# -- what the model is told ------------------------------------------------------------------------------------------------

TARGET = "LR = 1e-3\nWIDTH = 64\nGELU = False\nUNUSED = 2.0\nTRICK = 'x'  # one of: x, y\ntrain()\n"


def bowl(target):
    values = read_values(target)
    return math.log(values["LR"] / 4e-3) ** 2 + 0.3 * math.log(values["WIDTH"] / 128) ** 2 + (not values["GELU"])


def tuned(count):
    """Return the briefing after some proposals of the tuner."""
    metric, history = Metric("loss", "loss"), []
    for number in range(count + 1):
        told = Briefing("Lower it", "", metric, history[-1], tuple(history), number) if history else None
        best = min(history, key=lambda e: e.value) if history else None
        proposal = Tuner("", TARGET).propose(replace(told, incumbent=best)) if told else Proposal(TARGET, "baseline")
        value = bowl(proposal.target)
        verdict = Verdict.BASELINE if not history else Verdict.KEEP if value < best.value else Verdict.DISCARD
        run = Measurement(Outcome.OK, value, seed=0)
        history.append(
            Experiment(
                number, best and best.number, proposal, fingerprint(proposal.target), verdict, measurements=(run,)
            )
        )
    best = min(history, key=lambda e: e.value)
    return Briefing("Lower it", "", metric, best, tuple(history), count + 1)


def test_the_model_is_told_what_the_tuner_knows():
    told, given = tuned(24), []

    class Asked(Says):
        def propose(self, briefing):
            given.append(briefing.advice)
            return super().propose(briefing)

    assert Hybrid(Asked("claude-x"), Says(NothingToPropose("None."))).propose(told).agent == "claude-x"
    assert given.pop() == ""
    hybrid = Hybrid(Asked("claude-x"), Tuner("", TARGET))
    hybrid._structure(told)
    lines = given[0].splitlines()
    now = read_values(told.incumbent.target)
    assert lines[0].startswith(f"- LR (now {now['LR']:.6g}): best between 0.00")
    assert any(line.startswith("- GELU (now True): best True; over its range loss changes by about") for line in lines)
    assert any("UNUSED" in line and ("matter little" in line or "change nothing" in line) for line in lines)
    assert lines[-1].startswith("- It would try next: ")
    assert "; the change of loss that it forecasts: " in lines[-1]
    assert hybrid.numbers.propose(told).summary in lines[-1]
    text = as_text(build_prompt(replace(told, advice=given[0])))
    assert "# What the tuner knows, a model of all runs: take it, change it or ignore it\n\n- LR (now" in text
    assert "What the tuner knows" not in as_text(build_prompt(told))


def test_what_the_tuner_knows_is_bounded():
    target = "".join(f"RATE_{i} = 0.{i + 10}\n" for i in range(60)) + "train()\n"
    base = Experiment(0, None, Proposal(target, "baseline"), "x", Verdict.BASELINE, measurements=BASELINE.measurements)
    told = Briefing("g", "", Metric("loss", "loss"), base, (base,), 1)
    assert len(Tuner("", target).advise(told)) < 500
    assert Tuner("", target).advise(replace(told, incumbent=replace(base, proposal=Proposal("train()", "x")))) == ""


@pytest.mark.slow
def test_a_whole_study_with_a_command_for_structure_and_the_tuner_for_numbers(tmp_path):
    import sys

    from autoresearch_magic.study.study import Study

    script = tmp_path / "agent.py"
    script.write_text(
        "import re, sys\n"
        "told = sys.stdin.read()\n"
        "code = re.findall(r'# The present target.*?```python\\n(.*?)```', told, re.S)[-1]\n"
        "n = code.count('# line')\n"
        "print(f'<summary>line {n}</summary>\\n```python\\n{code}Y{n} = 1  # line, fixed\\n```')\n"
    )
    study = Study(
        "g", "X = 3.0\nloss = (X - 1) ** 2\n", metric="loss", experiments=8, repeats=1, root=tmp_path / "r",
        agent=f"hybrid:command:{sys.executable} {script}+tuner",
    )  # fmt: skip
    study.start()
    assert study.wait(60)
    assert study.state == "finished", study.status.message
    agents = {e.proposal.agent.partition(":")[0] for e in study.experiments[1:]}
    assert agents == {"command", "tuner"}


@pytest.mark.parametrize(
    ("argument", "both"),
    [
        ("", ("", "")), ("claude", ("claude", "")), ("claude+tuner:LR", ("claude", "tuner:LR")), ("codex:m+command:g++", ("codex:m", "command:g++")),
        ("editor:make-it --with=a+b+tuner", ("editor:make-it --with=a+b", "tuner")), ("command:llm -m x", ("command:llm -m x", "")),
    ],
)  # fmt: skip
def test_the_two_agents_of_a_name(argument, both):
    assert agents_of(argument) == both
