"""Agents that are language models, in whole studies: the real SDK, a real server on loopback, real experiments."""

import itertools
import re
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from autoresearch_magic.agents import Briefing, Rework
from autoresearch_magic.agents.llm.agent import LanguageModel
from autoresearch_magic.agents.llm.backend import Backend, Completion, as_text
from autoresearch_magic.agents.llm.prompt import SYSTEM, SYSTEM_FILES, build_prompt
from autoresearch_magic.agents.prefetch import rebase
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import ProposalFailed, Stopped, UserError
from autoresearch_magic.events import StateChanged
from autoresearch_magic.experiment import Experiment, Measurement, Outcome, Proposal, Usage, Verdict
from autoresearch_magic.metric import Metric
from autoresearch_magic.runs import Point
from autoresearch_magic.source.edits import fingerprint
from autoresearch_magic.source.files import join, split
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study import proposing
from autoresearch_magic.study.study import Study

from ...fake_messages import MALFORMED, FakeMessages, answer, broken, dropped, failed, limited, overloaded, stalled
from ...studies import finish

METRIC = Metric("loss", "loss", True)
TARGET = "X = 3.0\nY = 2.0\nloss = (X - 1) ** 2 + Y\n"
KEY = "sk-ant-test-0123456789-secret"


def reply(target, summary="a change"):
    return f"<hypothesis>Because.</hypothesis>\n<summary>{summary}</summary>\n<expect>-0.1</expect>\n```python\n{target}```\n"


class Scripted(Backend):
    """A backend that answers from a list."""

    name = "scripted"

    def __init__(self, *texts, seconds=0.0):
        self.texts, self.prompts, self.seconds = list(texts), [], seconds

    def check(self):
        pass

    def complete(self, prompt, *, deadline, wait):
        self.prompts.append(prompt)
        if self.seconds:
            wait(self.seconds, "")
        text = self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        stop = "end"
        if isinstance(text, tuple):
            text, stop = text
        return Completion(text, Usage(calls=1, input=100, output=10, seconds=0.1, cost=0.01), stop)


def experiment(number, value, target=None, verdict=Verdict.DISCARD, summary=None, parent=0, **options):
    target = target or f"X = {number}\nloss = X\n"
    curve = tuple(Point(i, i / 20, i, {"loss": 5.0 - i * 0.1}) for i in range(20))
    run = Measurement(options.pop("outcome", Outcome.OK), value, 0, curve=curve, steps=20, **options)
    return Experiment(
        number, None if number == 0 else parent, Proposal(target, summary or f"change {number}", agent="m"),
        fingerprint(target), verdict, "why", (run,),
    )  # fmt: skip


def briefing(history, **options):
    kept = [e for e in history if e.verdict.kept]
    return Briefing("# Goal\nLower it.", "import math", METRIC, kept[-1], tuple(history), len(history), **options)


# -- the prompt --------------------------------------------------------------------------------------------------------


def test_the_prompt_says_which_lines_may_change():
    def stable(target):
        return build_prompt(briefing([experiment(0, 5.0, target, Verdict.BASELINE)])).stable

    assert "EVOLVE-BLOCK" not in stable("X = 3\n")
    assert "only lines between the two may change" in stable("# EVOLVE-BLOCK-START\nX = 3\n# EVOLVE-BLOCK-END\n")


def test_the_prompts_parts_are_ordered_by_how_often_they_change():
    history = [
        experiment(0, 5.0, TARGET, Verdict.BASELINE, "baseline"),
        experiment(1, 4.0, "X = 2.0\nY = 2.0\nloss = X\n", Verdict.KEEP, "X 3 → 2"),
        experiment(2, 4.01, summary="near miss", parent=1),
        experiment(
            3,
            None,
            verdict=Verdict.CRASH,
            outcome=Outcome.CRASH,
            error="x",
            traceback="Traceback\nZeroDivisionError: boom",
        ),
    ]
    prompt = build_prompt(briefing(history, notes=("try rotary",), noise=0.02, budget="20s"))
    assert prompt.system == SYSTEM
    for rule in ("rejected", "hard-code", "seed", "validation data"):
        assert rule in prompt.system
    assert "# The program" in prompt.stable
    assert "import math" in prompt.stable
    assert "20s" in prompt.stable
    (turn,) = prompt.turns
    order = ["# The present target: experiment 1, X 3 → 2 (loss 4", "X = 2.0", "# What was kept", "# Near misses", "# Failures",
             "ZeroDivisionError: boom", "# Already tried", "# Learning curves", "# Notes", "try rotary", "fenced block"]  # fmt: skip
    places = [turn.text.index(part) for part in order]
    assert places == sorted(places)
    assert "standard deviation of one run 0.02" in turn.text


def test_the_requested_form_depends_on_the_length_of_the_target():
    short = [experiment(0, 5.0, TARGET, Verdict.BASELINE)]
    long = [experiment(0, 5.0, "X = 1\n" * 300, Verdict.BASELINE)]
    assert "SEARCH" not in build_prompt(briefing(short)).turns[0].text
    assert "<<<<<<< SEARCH" in build_prompt(briefing(long)).turns[0].text
    assert "<<<<<<< SEARCH" in build_prompt(briefing(short), long=2).turns[0].text


@pytest.mark.slow
def test_the_prompt_is_bounded_for_a_long_history():
    history = [experiment(0, 5.0, TARGET, Verdict.BASELINE)]
    sizes = []
    for n in range(1, 1001):
        verdict = [Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH, Verdict.DISCARD][n % 4]
        history.append(
            experiment(n, 5.0 - n / 1000, verdict=verdict, summary=f"change number {n} " * 30, traceback="line\n" * 50)
        )
        if n in (200, 1000):
            sizes.append(len(as_text(build_prompt(briefing(history, notes=("a long note " * 50,) * n)))))
    assert sizes[1] < 1.05 * sizes[0]
    assert sizes[1] < 30_000


def test_stable_parts_are_identical_between_proposals():
    a = build_prompt(briefing([experiment(0, 5.0, TARGET, Verdict.BASELINE)]))
    b = build_prompt(
        briefing([experiment(0, 5.0, TARGET, Verdict.BASELINE), experiment(1, 4.0, verdict=Verdict.KEEP)], notes=("x",))
    )
    assert (a.system, a.stable) == (b.system, b.stable)


# -- one proposal ------------------------------------------------------------------------------------------------------

BASE = [experiment(0, 5.0, TARGET, Verdict.BASELINE)]


def files_briefing(contents, **options):
    target = join(contents)
    history = [experiment(0, 5.0, target, Verdict.BASELINE, "baseline")]
    told = {
        "setup": join({"bench.py": "print('ms: 5')\n"}), "metric": Metric("p95 ms", "json:p95"), "verify": "python bench.py",
        "scope": ("src/**", "!src/gen/**"), "tracked": ("README.md", "bench.py", "src/app.py"),
    }  # fmt: skip
    return replace(briefing(history), **{**told, **options})


def test_the_prompt_for_files_names_verify_guard_and_scope():
    told = files_briefing({"src/app.py": "LIMIT = 10\n", "src/q.sql": "select 1\n"}, guard="pytest -q")
    prompt = build_prompt(told)
    assert prompt.system == SYSTEM_FILES != SYSTEM
    for part in ("p95 ms, read from the output of `python bench.py`", "Lower is better", "The guard, `pytest -q`, must pass", "src/** !src/gen/**",
                 "README.md\nbench.py\nsrc/app.py", "#% file bench.py\n```py\nprint('ms: 5')"):  # fmt: skip
        assert part in prompt.stable
    text = prompt.turns[0].text
    assert "#% file src/app.py\n```py\nLIMIT = 10\n```" in text
    assert "#% file src/q.sql\n```sql\nselect 1\n```" in text
    assert "A line  #% delete" in text
    assert "SEARCH" not in text
    assert "Your proposal does not pass" not in text
    assert "must pass" not in build_prompt(replace(told, guard="")).stable
    long = build_prompt(files_briefing({"src/app.py": "LIMIT = 10\n" * 300}))
    assert "<<<<<<< SEARCH" in long.turns[0].text


def test_a_rework_starts_from_the_refused_version():
    refused = Proposal(join({"src/app.py": "LIMIT = 99\n"}), "a higher limit")
    told = files_briefing({"src/app.py": "LIMIT = 10\n"}, rework=Rework(refused, "The guard ended with exit status 1.", "x\n" * 9_000 + "E 98 > 9"))  # fmt: skip
    text = build_prompt(told).turns[0].text
    section = text[text.index("# Your proposal does not pass the guard") :]
    for part in ("You proposed: a higher limit.", "The guard ended with exit status 1.", "E 98 > 9", "LIMIT = 99", "starts from this version"):  # fmt: skip
        assert part in section
    assert "LIMIT = 10" not in section
    assert len(section) < 6_000
    backend = Scripted(
        "<summary>m</summary>\n#% file src/app.py\n<<<<<<< SEARCH\nLIMIT = 99\n=======\nLIMIT = 9\n>>>>>>> REPLACE\n"
    )
    made = LanguageModel(backend).propose(told)
    assert split(made.target) == {"src/app.py": "LIMIT = 9\n"}


@pytest.mark.slow
def test_the_prompt_for_files_is_bounded_and_short_files_stay_whole():
    contents = {f"src/long{i}.py": f"x{i} = 1\n" * 20_000 for i in range(9)} | {"src/short.py": "SHORT = 1\n" * 50}
    prompt = build_prompt(
        files_briefing(contents, setup=join({"bench.py": "y = 1\n" * 100_000}), tracked=("a" * 90,) * 300)
    )
    text = prompt.turns[0].text
    assert len(text) < 260_000
    assert len(prompt.stable) < 70_000
    assert contents["src/short.py"].rstrip() in text
    assert text.count("characters left out") == 9
    assert all(f"#% file {path}" in text for path in contents)


def test_an_unusable_reply_is_sent_back_once():
    backend = Scripted("no code here", reply(TARGET.replace("3.0", "2.0")))
    proposal = LanguageModel(backend).propose(briefing(BASE))
    assert proposal.target == TARGET.replace("3.0", "2.0")
    assert (proposal.agent, proposal.usage.calls, proposal.usage.cost) == ("scripted", 2, 0.02)
    second = backend.prompts[1]
    assert [turn.role for turn in second.turns] == ["user", "assistant", "user"]
    assert "There is no code" in second.turns[2].text


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("nothing", "again nothing"), "No usable reply: There is no code"),
        ((("cut", "length"), ("cut", "length")), "cut off"),
        ((("", "refusal"), ("", "refusal")), "declined"),
        ((reply(TARGET), reply(TARGET)), "the same as the present one"),
    ],
)
def test_the_second_unusable_reply_fails_the_proposal(texts, message):
    with pytest.raises(ProposalFailed, match=message) as caught:
        LanguageModel(Scripted(*texts)).propose(briefing(BASE))
    assert caught.value.usage.calls == 2


def test_a_duplicate_is_refused_before_it_is_run():
    tried = experiment(1, 9.0, TARGET.replace("3.0", "7.0"))
    backend = Scripted(reply(TARGET.replace("3.0", "7.00")), reply(TARGET.replace("3.0", "6.0")))
    proposal = LanguageModel(backend).propose(briefing([*BASE, tried]))
    assert "6.0" in proposal.target
    assert "Experiment 1 has already tried this" in backend.prompts[1].turns[2].text


def test_a_prefetched_proposal_is_rebased_or_stays_as_it_is():
    old = briefing(BASE)
    kept = experiment(1, 4.0, TARGET.replace("Y = 2.0", "Y = 1.0"), Verdict.KEEP)
    now = briefing([*BASE, kept])
    merged, fits = rebase(Proposal(TARGET.replace("3.0", "2.0"), "s"), old, now)
    assert (merged.target, fits) == ("X = 2.0\nY = 1.0\nloss = (X - 1) ** 2 + Y\n", True)
    conflict = Proposal(TARGET.replace("Y = 2.0", "Y = 9.0"), "s")
    assert rebase(conflict, old, now) == (conflict, False)
    assert rebase(Proposal("anything", "s"), old, old) == (Proposal("anything", "s"), True)


# -- whole studies -----------------------------------------------------------------------------------------------------


@pytest.fixture
def make(tmp_path, monkeypatch):
    made = []

    def make(*texts, seconds=0.0, **options):
        backend = Scripted(*texts, seconds=seconds)
        monkeypatch.setitem(BUILT_IN, "model", lambda order: LanguageModel(backend))
        options = {"metric": "loss", "experiments": 3, "repeats": 1, "agent": "model", "root": tmp_path} | options
        study = Study("Lower it", options.pop("target", TARGET), **options)
        made.append(study)
        return study, backend

    yield make
    for study in made:
        study.stop()


def values(*xs):
    return [reply(TARGET.replace("3.0", f"{x}"), f"X {x}") for x in xs]


@pytest.mark.slow
def test_rejected_proposals_cost_no_run_and_do_not_count(make):
    study, _ = make("no", "no", *values(2.5, 2.0, 1.5), prefetch=False)
    study.start()
    assert study.wait(60)
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "rejected", "keep", "keep", "keep"]
    assert study.experiment(1).reason.startswith("No usable reply")
    assert study.experiment(1).seconds == 0
    assert study.experiment(1).proposal.reply == "no"
    assert study.status.usage.calls == 5
    assert study.status.usage.cost == pytest.approx(0.05)


@pytest.mark.slow
def test_unusable_replies_do_not_end_the_study(make, monkeypatch):
    monkeypatch.setattr(proposing, "PAUSES", (0.001, 0.01))
    study, backend = make(*["no"] * 60, *values(2.5, 2.0), experiments=2, prefetch=False)
    waits = []
    study.observe(
        lambda event: (
            waits.append(event.message) if isinstance(event, StateChanged) and event.state == "waiting" else None
        )
    )
    finish(study)
    assert [str(e.verdict) for e in study.experiments[1:]] == ["rejected"] * 30 + ["keep", "keep"]
    assert study.status.headline.best == 3.0
    assert len(waits) == 29, "the first costs no time"
    assert "No usable reply" in waits[-1]
    assert "30 attempts in vain; model is asked again in 1s" in waits[-1]
    told = backend.prompts[-2].turns[0].text
    assert told.count("No usable reply") == 1, "the model is told once"
    assert "no proposal" not in told.partition("# Already tried")[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "runs", "message"),
    [
        ({"max_tokens": 220}, 2, "--max-tokens 220"),
        ({"max_cost": 0.025}, 3, r"--max-cost 0\.025"),
        ({"hours": 1e-7}, 0, "--hours 1e-07"),
    ],
)
def test_limits_end_the_search(make, options, runs, message):
    study, _ = make(*values(2.9, 2.8, 2.7, 2.6, 2.5, 2.4), experiments=6, prefetch=False, **options)
    study.start()
    assert study.wait(60)
    assert study.state == "finished"
    assert study.status.done == runs
    assert re.search(message, study.status.message)


@pytest.mark.slow
def test_a_cost_limit_that_cannot_be_checked_is_reported(make):
    study, backend = make(*values(2.9, 2.8), max_cost=1.0)
    ask = backend.complete

    def without_price(prompt, **options):
        completion = ask(prompt, **options)
        return replace(completion, usage=replace(completion.usage, cost=None))

    backend.complete = without_price
    study.start()
    assert study.wait(60)
    assert "is unknown, so --max-cost cannot be kept" in study.status.message


@pytest.mark.slow
def test_a_token_limit_that_cannot_be_checked_is_reported(make):
    study, backend = make(*values(2.9, 2.8), max_tokens=100)
    ask = backend.complete
    backend.complete = lambda prompt, **options: replace(ask(prompt, **options), usage=Usage(calls=1))
    study.start()
    assert study.wait(60)
    assert "--max-tokens cannot be kept" in study.status.message


@pytest.mark.slow
def test_the_next_proposal_is_requested_while_an_experiment_runs(make):
    slow = "X = 3.0\nY = 2.0\nimport time\ntime.sleep(0.5)\nloss = (X - 1) ** 2 + Y\n"
    asked, began = [], []
    texts = [reply(slow.replace("3.0", f"{x}")) for x in (3.5, 3.6, 3.7)]
    study, backend = make(*texts, target=slow)
    ask = backend.complete
    backend.complete = lambda prompt, **options: (asked.append(time.monotonic()), ask(prompt, **options))[1]
    study.observe(
        lambda event: began.append(time.monotonic()) if type(event).__name__ in ("RunStarted", "RunEnded") else None
    )
    study.start()
    assert study.wait(60)
    # runs: baseline, 1, 2, 3: the second question comes while 1 runs, the third while 2 runs, and none beyond.
    assert len(asked) == 3
    assert began[2] - 0.2 <= asked[1] <= began[3]
    assert began[4] - 0.2 <= asked[2] <= began[5]


@pytest.mark.slow
def test_a_prefetched_proposal_is_rebased_on_a_kept_experiment(make):
    base = "X = 3.0\nY = 2.0\nimport time\ntime.sleep(0.2)\nloss = X + Y\n"
    study, backend = make(
        reply(base.replace("X = 3.0", "X = 1.0")),
        reply(base.replace("Y = 2.0", "Y = 1.0")),  # asked for while the first runs, an edit of the baseline
        reply(
            base.replace("X = 3.0", "X = 2.0").replace("Y = 2.0", "Y = 0.5")
        ),  # conflicts with the first: run as it is
        target=base,
    )
    study.start()
    assert study.wait(60)
    assert [e.value for e in study.experiments] == [5.0, 3.0, 2.0, 2.5]
    assert study.experiment(2).target.startswith("X = 1.0\nY = 1.0\n")
    assert study.experiment(3).target.startswith("X = 2.0\nY = 0.5\n")
    assert all(e.parent == n for n, e in enumerate(study.experiments[1:]))
    assert backend.texts == [] or len(backend.prompts) == 3


@pytest.mark.slow
def test_stop_does_not_wait_for_the_model(make):
    study, _ = make(*values(2.0), seconds=60)
    study.start()
    end = time.monotonic() + 20
    while not study.experiments and time.monotonic() < end:
        time.sleep(0.02)
    began = time.monotonic()
    study.stop()
    assert time.monotonic() - began < 10  # not a performance claim: it did not wait a minute
    assert study.state == "stopped"


@pytest.mark.slow
def test_a_note_reaches_the_prompt(make):
    study, backend = make(*values(2.9, 2.8, 2.7), prefetch=False, experiments=1)
    with pytest.raises(UserError):
        study.say("  ")
    study.start()
    assert study.wait(60)
    study.say("Try Y instead.")
    assert "Try Y instead." in study.briefing()
    study.resume(experiments=2)
    assert study.wait(60)
    assert "Try Y instead." in backend.prompts[-1].turns[0].text


# -- Claude, whole -----------------------------------------------------------------------------------------------------


def good():
    numbers = itertools.count(1)
    lock = threading.Lock()

    def text(request):
        with lock:
            n = next(numbers)
        present = float(re.findall(r"^X = ([\d.]+)", request.prompt, re.MULTILINE)[-1])
        return reply(
            f"X = {present - 0.001 * (n % 3) - n * 1e-6:.6f}\nY = {n}.0\nloss = (X - 1) ** 2\n",
            f"step {n} for {'long ' * 10}",
        )

    return text


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_many_experiments_with_a_faulty_server(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    bad = [
        answer(MALFORMED), dropped(), limited(0.02), failed(500), stalled(), answer("cut", stop="max_tokens"),
        answer("", stop="refusal"), broken(), dropped("headers"), overloaded(),
    ]  # fmt: skip
    write, plain = good(), 0
    script = []
    for n in range(2000):
        if n % 5 == 4:
            # What waits or retries in seconds comes a few times, what does not, often.
            choice = bad[(n // 5) % len(bad)] if n < 60 else bad[[0, 2, 5, 6][(n // 5) % 4]]
            script.append(choice)
        else:
            plain += 1
            script.append(answer(write, thinking="hm" if plain % 7 == 0 else ""))
    with FakeMessages(script, key=KEY) as server:
        study = Study(
            "# Lower it", "X = 3.000000\nY = 0.0\nloss = (X - 1) ** 2\n", metric="loss", experiments=80, repeats=1,
            agent="claude", base_url=server.url, reply_timeout="1s", root=tmp_path, name="night",
        )  # fmt: skip
        study.start()
        assert study.wait(200), study
        assert study.state == "finished", study.status.message
        assert study.status.done == 80, "no experiment is lost"
        marks = [e.fingerprint for e in study.experiments if e.ran]
        assert len(set(marks)) == len(marks), "nothing is run twice"
        first = [r for r in server.requests if len(r.body["messages"]) == 1]
        sizes = [len(r.prompt) for r in first]
        assert max(sizes[50:]) < 1.15 * max(sizes[25:50]), "the prompt stays flat"
        used = study.status.usage
        assert used.cached > 0, "the stable parts come from the vendor's cache"
        assert used.calls > 80, "what failed is asked again"
        assert 0 < used.cost < 50
    keyless(tmp_path, study)


def keyless(folder, study):
    """Check that the key is in nothing that a study leaves behind."""
    found = subprocess.run(["grep", "-rlaF", KEY, str(folder)], capture_output=True, text=True).stdout
    assert found == ""
    for n in (0, 1, 200):
        show = subprocess.run(
            ["git", "-C", str(study.folder / "repo"), "log", "-p", "-3"], capture_output=True, text=True
        )
        assert KEY not in show.stdout
        assert KEY not in repr(study.experiments[min(n, len(study.experiments) - 1)])
    assert KEY not in study.status.message + study.status.traceback
    with sqlite3.connect(study.folder / "journal.sqlite") as journal:
        assert KEY not in "\n".join(journal.iterdump())
    with Journal(study.folder / "journal.sqlite") as journal:  # prompts are compressed there
        prompts = [journal.prompt(e.number) for e in study.experiments[1:]]
    title = study.definition.program.text.strip()
    assert prompts
    assert all(title in prompt and KEY not in prompt for prompt in prompts)


@pytest.mark.slow
def test_the_key_reaches_no_experiment_and_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    spy = "X = 1.0\nimport os, subprocess\nprint(os.environ)\nprint(subprocess.run(['env'], capture_output=True, text=True).stdout)\nloss = X\n"
    with FakeMessages([answer(reply(spy.replace("1.0", "0.5")))], key=KEY) as server:
        study = Study(
            "g", spy, metric="loss", experiments=1, repeats=1, agent="claude", base_url=server.url, root=tmp_path
        )
        study.start()
        assert study.wait(60)
        assert study.status.done == 1, study.status.message
    keyless(tmp_path, study)


@pytest.mark.parametrize(
    ("agent", "key", "message"),
    [
        ("claude", "", "ANTHROPIC_API_KEY"),
        ("claude:claude-nothing-9", KEY, "claude-nothing-9"),
        ("claude", "sk-ant-wrong", "key"),
        ("openai:none@http://127.0.0.1:9/v1", "", "127.0.0.1:9"),
        ("command:no-such-agent-anywhere -p", "", "no-such-agent-anywhere"),
        ("openai", "", "model"),
    ],
)
def test_unusable_agents_are_refused_before_the_baseline(tmp_path, monkeypatch, agent, key, message):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    if key:
        monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with FakeMessages([answer("x")], key=KEY, models=("claude-opus-5-5",)) as server:
        options = {"base_url": server.url} if agent.startswith("claude") else {}
        with pytest.raises(UserError, match=message) as caught:
            Study("g", TARGET, metric="loss", agent=agent, root=tmp_path / "r", **options).start()
        assert "\n" not in str(caught.value)
        assert KEY not in str(caught.value)
        assert server.requests == []
    assert not (tmp_path / "r").exists(), "nothing is written, nothing is run"


def test_a_base_url_where_nobody_listens_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with pytest.raises(UserError, match="Nobody answers"):
        Study("g", TARGET, metric="loss", agent="claude", base_url="http://127.0.0.1:9", root=tmp_path).start()


@pytest.mark.slow
def test_a_command_line_agent_runs_a_whole_study(tmp_path):
    script = tmp_path / "agent.py"
    script.write_text(
        "import re, sys\n"
        "told = sys.stdin.read()\n"
        "x = float(re.findall(r'^X = ([\\d.]+)', told, re.M)[-1])\n"
        "print('<summary>smaller</summary>')\n"
        "print(f'```python\\nX = {x / 2}\\nloss = X\\n```')\n"
    )
    study = Study(
        "g", "X = 8.0\nloss = X\n", metric="loss", experiments=3, repeats=1, root=tmp_path / "r",
        agent=f"command:{sys.executable} {script}",
    )  # fmt: skip
    study.start()
    assert study.wait(60)
    assert study.incumbent.value == 1.0


def test_waiting_stops_when_the_study_does(tmp_path):
    from autoresearch_magic.study.control import Control

    control = Control()
    threading.Timer(0.1, control.stop).start()
    with pytest.raises(Stopped):
        control.sleep(30)


@pytest.mark.slow
def test_a_wait_for_a_rate_limit_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    states = []
    with FakeMessages([limited(0.3), answer(reply("X = 0.5\nloss = X\n"))], key=KEY) as server:
        study = Study(
            "g",
            "X = 1.0\nloss = X\n",
            metric="loss",
            experiments=1,
            repeats=1,
            agent="claude",
            base_url=server.url,
            prefetch=False,
            root=tmp_path,
        )
        study.observe(
            lambda event: (
                states.append((event.state, event.message)) if type(event).__name__ == "StateChanged" else None
            )
        )
        study.start()
        assert study.wait(60)
    waiting = [message for state, message in states if state == "waiting"]
    assert len(waiting) == 1
    assert "429" in waiting[0] or "limit" in waiting[0]
    assert (study.state, study.incumbent.value) == ("finished", 0.5)
