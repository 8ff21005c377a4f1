"""Agents that fail: the study waits, tells, goes on, and ends only when nothing can come any more."""

import re
import stat
import sys
import time

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import CallFailed, NothingToPropose, ProposalFailed, UserError
from autoresearch_magic.events import Confirmed, Notice, State, StateChanged
from autoresearch_magic.experiment import Proposal, Usage
from autoresearch_magic.study import proposing
from autoresearch_magic.study.opening import open_study

from .. import fake_chat, fake_messages
from ..studies import QUICK, Script, finish, wait_for

DOLLAR = Usage(calls=1, input=10, output=1, cost=1.0)


class Faulty(Script):
    """A script whose steps may also be exceptions, and functions of the briefing."""

    slow = True

    def propose(self, briefing):
        if not self.targets:
            raise NothingToPropose("The script is at its end.")
        step = self.targets.pop(0)
        step = step(briefing) if callable(step) else step
        if isinstance(step, Exception):
            raise step
        return Proposal(step, f"step {briefing.number}", agent="faulty", usage=DOLLAR)


def x(value):
    return QUICK.replace("3.0", str(value))


@pytest.fixture
def faulty(monkeypatch):
    def faulty(*steps):
        agent = Faulty(*steps)
        monkeypatch.setitem(BUILT_IN, "faulty", lambda order: agent)
        return agent

    return faulty


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(proposing, "PAUSES", (0.001, 0.01))


def waiting(study):
    """Return the list that receives the messages of the study's waits."""
    said = []
    study.observe(
        lambda event: (
            said.append(event.message) if isinstance(event, StateChanged) and event.state == "waiting" else None
        )
    )
    return said


def verdicts(study):
    return [str(e.verdict) for e in study.experiments[1:]]


@pytest.fixture
def program(tmp_path):
    """Return a function that writes a shell script as an agent's program."""

    def make(text):
        path = tmp_path / "agent.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return f"command:{path}"

    return make


@pytest.mark.slow
def test_failed_calls_are_no_experiments_and_end_nothing(make_study, faulty, quick):
    faulty(*[CallFailed("No reply: broken.")] * 30, x(2.5), CallFailed("No reply: broken."), x(2.0))
    study = make_study(agent="faulty", experiments=2, prefetch=False)
    said = waiting(study)
    finish(study)
    assert verdicts(study) == ["keep", "keep"]
    assert study.status.headline.number == 2
    assert len(said) == 31
    assert said[0] == "No reply: broken. faulty is asked again in 1s."
    assert said[29] == "No reply: broken. 30 attempts in vain; faulty is asked again in 1s."


@pytest.mark.slow
def test_the_pauses_grow_and_a_stop_ends_one_at_once(make_study, program, tmp_path):
    count = tmp_path / "count"
    study = make_study(agent=program(f"echo x >> {count}\necho 'no network' >&2\nexit 1"), prefetch=False)
    said = waiting(study)
    study.start()
    wait_for(lambda: len(said) == 3)
    assert [line.split("asked again ")[1] for line in said] == ["in 1s.", "in 2s.", "in 4s."]
    assert "agent.sh ended with exit code 1: no network." in said[2]
    assert study.state == "waiting"
    start = time.monotonic()
    study.stop()
    assert time.monotonic() - start < 3
    assert len(count.read_text().split()) == 3


@pytest.mark.slow
def test_a_pause_takes_effect_at_once_and_its_end_asks_at_once(make_study, program, tmp_path):
    ready = tmp_path / "ready"
    ok = f"cat > /dev/null; [ -e {ready} ] || exit 1\nprintf '```python\\nX = 2.5\\nloss = (X - 1) ** 2\\n```\\n'"
    study = make_study(agent=program(ok), experiments=1, prefetch=False)
    said = waiting(study)
    study.start()
    wait_for(lambda: len(said) == 4)  # the fourth pause lasts eight seconds
    study.pause()
    wait_for(lambda: study.state == "paused", 2)
    ready.touch()
    start = time.monotonic()
    study.resume()
    assert study.wait(20)
    assert time.monotonic() - start < 5
    assert (study.state, verdicts(study)) == ("finished", ["keep"])


@pytest.mark.slow
def test_a_pause_while_the_agent_thinks_takes_effect_at_once(make_study, program):
    slow = "sleep 2\nprintf '```python\\nX = 2.5\\nloss = (X - 1) ** 2\\n```\\n'"
    study = make_study(agent=program(slow), experiments=1)
    study.start()
    wait_for(lambda: study.experiments)
    study.pause()
    wait_for(lambda: study.state == "paused", 1.5)
    time.sleep(2)
    assert (study.state, verdicts(study)) == ("paused", [])
    study.resume()
    assert study.wait(20)
    assert verdicts(study) == ["keep"]


@pytest.mark.slow
def test_what_was_found_is_confirmed_when_nothing_can_come_any_more(make_study, faulty, quick):
    agent = faulty(x(2.0), UserError("The login has expired: log in again."))
    study = make_study(agent="faulty", experiments=3, prefetch=False)
    events = []
    study.observe(events.append)
    study.start()
    assert study.wait(60)
    assert (study.state, study.status.message) == ("stopped", "The login has expired: log in again.")
    assert study.status.headline.number == 1
    assert any(isinstance(event, Confirmed) for event in events)
    again = open_study(study.name, study.folder.parent)
    assert (again.state, again.status.message) == ("stopped", "The login has expired: log in again.")
    agent.targets = [x(1.5), x(1.2)]
    study.resume()
    assert study.wait(60)
    assert (study.state, verdicts(study)) == ("finished", ["keep"] * 3)
    assert study.status.headline.number == 3


@pytest.mark.slow
def test_an_agent_that_is_refused_before_anything_was_found_fails_the_study(make_study, faulty):
    faulty(UserError("Wrong key: set it again."))
    study = make_study(agent="faulty")
    study.start()
    assert study.wait(60)
    assert (study.state, study.status.message) == ("failed", "Wrong key: set it again.")


@pytest.mark.slow
def test_hope_ends_some_day_and_begins_again_with_a_resume(make_study, faulty, quick, monkeypatch):
    monkeypatch.setattr(proposing, "NO_MORE", 0.5)
    agent = faulty(x(2.0), *[CallFailed("No reply: gone.")] * 1000)
    study = make_study(agent="faulty", experiments=2, prefetch=False)
    study.start()
    assert study.wait(60)
    assert study.state == "stopped"
    assert "faulty has brought nothing to run for " in study.status.message
    assert study.status.message.endswith("; the last: No reply: gone.")
    assert study.status.headline.number == 1
    agent.targets = [CallFailed("No reply: gone."), x(1.5)]
    study.resume()
    assert study.wait(60)
    assert (study.state, verdicts(study)) == ("finished", ["keep", "keep"])


@pytest.mark.slow
def test_the_time_limit_ends_the_waiting_and_the_best_is_confirmed(make_study, faulty):
    faulty(x(2.0), *[CallFailed("No reply: gone.")] * 1000)
    study = make_study(agent="faulty", experiments=9, prefetch=False, minutes=0.06)
    finish(study, 30)
    assert "--minutes 0.06" in study.status.message
    assert study.status.headline.number == 1


@pytest.mark.slow
def test_a_wait_that_began_while_an_experiment_ran_is_shown_once_it_holds_the_study_up(make_study, faulty):
    def asks_to_wait(briefing):
        briefing.wait(7200.0, "The server is at its limit.")
        raise AssertionError("the wait was cut short")

    slow = "X = 3.0\nimport time\ntime.sleep(0.5)\nloss = X\n"
    faulty(slow.replace("3.0", "2.0"), asks_to_wait)
    study = make_study(slow, agent="faulty", repeats=1)
    study.start()
    wait_for(lambda: study.state == "waiting")
    assert verdicts(study) == ["keep"]
    assert study.status.message.startswith("The server is at its limit. Asked again in 2h (")
    study.pause()
    wait_for(lambda: study.state == "paused")
    study.resume()
    wait_for(lambda: study.state == "waiting")


@pytest.mark.slow
def test_a_wait_that_is_longer_than_the_study_ends_it_at_once(make_study, faulty):
    def asks_to_wait(briefing):
        briefing.wait(7200.0, "The server is at its limit.")
        raise AssertionError("the wait was cut short")

    faulty(x(2.0), asks_to_wait)
    study = make_study(agent="faulty", experiments=9, prefetch=False, hours=1)
    finish(study)
    assert study.status.message.startswith("The server is at its limit. That is in 2h")
    assert study.status.message.endswith("later than the time limit leaves: the search ends.")
    assert study.status.headline.number == 1


@pytest.mark.slow
def test_an_agents_own_bug_is_shown_at_first_and_survived_later(make_study, faulty, quick):
    faulty(TypeError("boo"))
    study = make_study(agent="faulty")
    study.start()
    assert study.wait(60)
    assert (study.state, study.status.message) == ("failed", "TypeError: boo")
    faulty(x(2.5), TypeError("boo"), x(2.0), *[TypeError("boo")] * 3)
    other = make_study(agent="faulty", prefetch=False)
    other.start()
    assert other.wait(60)
    assert verdicts(other) == ["keep", "keep"]
    assert (other.state, other.status.message) == ("stopped", "faulty failed 3 times in a row: TypeError: boo")
    assert other.status.headline.number == 2


@pytest.mark.slow
def test_the_tuner_goes_on_alone_and_the_end_says_so(make_study, program):
    study = make_study(agent=f"hybrid:{program('echo no network >&2; exit 1')}+tuner", experiments=4)
    finish(study)
    assert study.status.done == 4
    assert {e.proposal.agent for e in study.experiments[1:]} == {"tuner"}
    assert re.fullmatch(
        r"No reply: agent.sh ended with exit code 1: no network. Meanwhile tuner goes on alone. \(\d times\)",
        study.status.message,
    )


# -- usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_paid_call_counts(make_study, faulty, quick):
    faulty(
        x(2.5),
        CallFailed("No reply: broken.", DOLLAR),
        ProposalFailed("No usable reply.", DOLLAR, "hm"),
        x(2.0),
        UserError("The end."),
    )
    study = make_study(agent="faulty", prefetch=False)
    study.start()
    assert study.wait(60)
    assert verdicts(study) == ["keep", "rejected", "keep"]
    assert (study.status.usage.calls, study.status.usage.cost) == (4, 4.0)
    assert [e.proposal.usage.calls for e in study.experiments] == [0, 1, 1, 1]
    assert study.status.unclaimed == DOLLAR
    assert open_study(study.name, study.folder.parent).status.usage == study.status.usage


@pytest.mark.slow
def test_an_answer_that_nobody_takes_is_paid_for_too(make_study, faulty):
    def slow(briefing):
        try:
            while True:
                briefing.wait(0.05, "")
        finally:
            briefing.paid(DOLLAR)

    faulty(x(2.0), slow)
    study = make_study(agent="faulty", experiments=5, until=1.5)
    finish(study)  # the second request was open when the first experiment reached the goal
    assert study.status.usage.cost == 2.0
    again = open_study(study.name, study.folder.parent)
    assert (again.status.usage.cost, again.status.unclaimed) == (2.0, DOLLAR)
    faulty(x(1.5), x(1.2))
    again.resume(until=0.001)
    assert again.wait(60)
    assert again.status.usage.cost == 4.0


@pytest.mark.slow
def test_money_is_counted_before_the_next_call_and_a_paid_proposal_is_run(make_study, faulty):
    agent = faulty(*[x(4.0 + n) for n in range(9)])
    study = make_study(agent="faulty", experiments=9, max_cost=3)
    finish(study)
    assert (study.status.usage.cost, study.status.done, len(agent.targets)) == (3.0, 3, 6)
    assert "--max-cost 3" in study.status.message


@pytest.mark.slow
def test_the_process_ends_when_the_study_does(tmp_path, program):
    """A question that is still open at the end must not hold the process up, and its program must not be left behind."""
    import subprocess

    pids, first = tmp_path / "pids", tmp_path / "first"
    agent = program(
        f"cat > /dev/null\nif [ -e {first} ]; then echo $$ >> {pids}; sleep 300; fi\ntouch {first}\n"
        "printf '```python\\nX = 1.0\\nimport time\\ntime.sleep(0.5)\\nloss = (X - 1) ** 2\\n```\\n'"
    )
    code = f"""
from autoresearch_magic import Study
study = Study("Lower it", {QUICK!r}, metric="loss", experiments=3, repeats=1, until=0.5, root={str(tmp_path)!r}, agent={agent!r})
study.start().wait()
print(study.state, study.status.done, flush=True)
"""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["finished", "1"], done.stderr
    assert time.monotonic() - start < 30
    (pid,) = pids.read_text().split()
    assert subprocess.run(["ps", "-p", pid, "-o", "stat="], capture_output=True, text=True).stdout.strip()[:1] in (
        "",
        "Z",
    )


# -- real servers ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server_settings(monkeypatch, tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text('{"toy": {"input": 1000, "output": 1000}, "claude*": {"input": 1000, "output": 1000}}')
    monkeypatch.setenv("AUTORESEARCH_PRICES", str(prices))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-0123456789")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("server_settings")
def test_a_prompt_that_a_server_does_not_take_is_not_asked_for_ever(make_study, quick):
    too_long = fake_messages.failed(400, "prompt is too long: 9 tokens > 8 maximum")
    policy = fake_messages.failed(400, "Output blocked by content filtering policy")
    script = [fake_messages.answer(code(2.5)), too_long, policy, fake_messages.answer(code(2.0)), *[policy] * 3]
    with fake_messages.FakeMessages(script, key="sk-ant-test-0123456789") as server:
        study = make_study(agent="claude", base_url=server.url, experiments=9, prefetch=False)
        study.start()
        assert study.wait(60)
        assert verdicts(study) == ["keep", "keep"]
        assert study.state == "stopped"
        assert study.status.message.endswith("Output blocked by content filtering policy")
        assert len(server.requests) == 7
        assert study.status.headline.number == 2


def test_what_agents_say_can_be_shown():
    for event in (StateChanged(State.WAITING, "half \ud83d"), Notice("half \ud83d")):
        assert event.message == "half \\ud83d"


def code(value):
    return f"<summary>X {value}</summary>\n```python\n{x(value)}```\n"


@pytest.mark.slow
@pytest.mark.usefixtures("server_settings")
def test_a_key_that_expires_in_the_night(make_study):
    script = [fake_messages.answer(code(2.5)), fake_messages.failed(401, "expired"), fake_messages.answer(code(2.0))]
    with fake_messages.FakeMessages(script, key="sk-ant-test-0123456789") as server:
        study = make_study(agent="claude", base_url=server.url, experiments=2, prefetch=False)
        study.start()
        assert study.wait(60)
        assert study.state == "stopped"
        assert "does not accept the key: set ANTHROPIC_API_KEY to a valid one." in study.status.message
        assert study.status.headline.number == 1
        study.resume()
        assert study.wait(60)
        assert (study.state, study.status.message, verdicts(study)) == ("finished", "", ["keep", "keep"])
        assert study.status.headline.number == 2


@pytest.mark.slow
@pytest.mark.usefixtures("server_settings")
@pytest.mark.parametrize("hours", [1, None])
def test_a_long_limit_of_a_server(make_study, hours):
    script = [
        fake_chat.answer(code(2.5)),
        fake_chat.failed(429, "slow down", retry_after="7200"),
        fake_chat.answer(code(2)),
    ]
    with fake_chat.FakeChat(script) as server:
        study = make_study(agent=f"openai:{server.spec}", experiments=5, prefetch=False, hours=hours)
        study.start()
        if hours:
            assert study.wait(60)
            assert (study.state, verdicts(study)) == ("finished", ["keep"])
            assert "is at its rate limit: slow down. That is in 2h" in study.status.message
            assert study.status.headline.number == 1
        else:
            wait_for(lambda: study.state == "waiting")
            assert "at its rate limit: slow down. Asked again in 2h (" in study.status.message
            start = time.monotonic()
            study.stop()
            assert time.monotonic() - start < 4
            assert (study.state, verdicts(study)) == ("stopped", ["keep"])
        assert len(server.requests) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("server_settings")
def test_an_answer_that_is_open_at_the_end_or_at_a_stop_is_let_go_and_paid_for(make_study):
    lasting = "import time\ntime.sleep(0.5)\n"
    for ends in ("until", "stop"):
        script = [fake_chat.answer(code(1.5).replace("X = 1.5", f"{lasting}X = 1.5")), fake_chat.stalled("middle")]
        with fake_chat.FakeChat(script) as server:
            study = make_study(agent=f"openai:{server.spec}", experiments=5, until=1.0 if ends == "until" else None)
            study.start()
            wait_for(lambda server=server: len(server.requests) == 2)
            if ends == "stop":
                wait_for(lambda study=study: study.experiments[1:])
                start = time.monotonic()
                study.stop()
                assert time.monotonic() - start < 5
            else:
                assert study.wait(20)
            assert verdicts(study) == ["keep"]
            claimed = sum(e.proposal.usage.cost for e in study.experiments)
            assert study.status.usage.cost > claimed > 0
            again = open_study(study.name, study.folder.parent).status
            assert again.usage.cost == pytest.approx(study.status.usage.cost)


# -- asked ahead -------------------------------------------------------------------------------------------------------


class Parallel(Faulty):
    """A faulty agent that several threads may ask; it remembers the briefings."""

    parallel = True

    def __init__(self, *steps):
        super().__init__(*steps)
        self.briefings = []

    def propose(self, briefing):
        self.briefings.append(briefing)
        return super().propose(briefing)


@pytest.fixture
def parallel(monkeypatch):
    def parallel(*steps):
        agent = Parallel(*steps)
        monkeypatch.setitem(BUILT_IN, "faulty", lambda order: agent)
        return agent

    return parallel


@pytest.mark.slow
def test_the_first_question_is_asked_while_the_baseline_runs(make_study, parallel):
    agent = parallel(x(2.5), x(2.0))
    study = finish(make_study(agent="faulty", experiments=2))
    first = agent.briefings[0]
    assert (first.number, first.incumbent.number, first.incumbent.value, first.running) == (1, 0, None, ())
    assert verdicts(study) == ["keep", "keep"]


@pytest.mark.slow
def test_several_questions_are_told_of_each_other(make_study, parallel):
    def later(value):
        def step(briefing):
            time.sleep(0.5)
            return x(value)

        return step

    agent = parallel(*map(later, (2.5, 2.4, 2.3, 2.2)))
    study = finish(make_study(agent="faulty", experiments=4, ask_ahead=3))
    assert [(b.number, b.others) for b in agent.briefings[:3]] == [(1, 0), (2, 1), (3, 2)]
    fourth = agent.briefings[3]
    assert (fourth.number, len(fourth.running) + fourth.others) == (4, 3)
    assert len(verdicts(study)) == 4
    assert study.status.usage.calls == 4  # no more was asked for than could be run


@pytest.mark.slow
def test_a_limit_of_money_counts_the_questions_that_are_open(make_study, parallel):
    agent = parallel(*map(x, (2.5, 2.4, 2.3, 2.2, 2.1, 2.0)))
    study = finish(make_study(agent="faulty", experiments=6, ask_ahead=4, max_cost=3))
    assert len(agent.briefings) == 3
    assert (study.status.usage.cost, len(verdicts(study))) == (3.0, 3)


@pytest.mark.slow
def test_an_answer_of_another_question_is_taken_during_a_pause(make_study, parallel, monkeypatch):
    monkeypatch.setattr(proposing, "PAUSES", (60.0, 60.0))

    def later(briefing):
        time.sleep(0.5)
        return x(2.4)

    parallel(CallFailed("No reply."), later, *[x(2.0)] * 9)
    study = make_study(agent="faulty", experiments=2, ask_ahead=2)
    study.start()
    wait_for(lambda: verdicts(study) == ["keep"], 20)
    study.stop()


@pytest.mark.slow
def test_three_answers_without_a_change_end_the_search_with_what_the_agent_printed(make_study, faulty):
    nothing = ProposalFailed(
        "It changed nothing: cannot write", DOLLAR, "sorry", unchanged=True, output="EPERM: target.py"
    )
    faulty(x(2.5), nothing, nothing, x(2.4), nothing, nothing, nothing, x(2.0))
    study = finish(make_study(agent="faulty", experiments=9, prefetch=False))
    assert verdicts(study) == ["keep", "rejected", "rejected", "keep", *["rejected"] * 3]
    assert study.experiment(2).reason == "It changed nothing: cannot write"
    assert study.state == State.STOPPED
    assert "has ended 3 times in a row without a change" in study.status.message
    assert study.status.traceback == "EPERM: target.py"
    assert study.status.headline.number == 4  # what was found is confirmed


@pytest.mark.slow
def test_a_search_that_never_had_a_change_fails_with_what_the_agent_printed(make_study, faulty):
    nothing = ProposalFailed("It changed nothing: no permission", DOLLAR, "", unchanged=True, output="EPERM: target.py")
    faulty(*[nothing] * 5)
    study = make_study(agent="faulty", experiments=9)
    study.start().wait(60)
    assert (study.state, study.status.traceback, len(verdicts(study))) == (State.FAILED, "EPERM: target.py", 3)


def test_asking_ahead_is_refused_where_it_would_do_nothing(make_study, parallel):
    with pytest.raises(UserError, match="tuner answers one question at a time: leave it out"):
        make_study(ask_ahead=2).start()
    parallel()
    with pytest.raises(UserError, match="--no-prefetch asks nothing ahead"):
        make_study(agent="faulty", ask_ahead=2, prefetch=False).start()
