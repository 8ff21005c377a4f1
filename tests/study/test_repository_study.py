"""Studies of a repository: the loop with a real git, real commands in real exports, and a real journal."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from autoresearch_magic.agents import Agent
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.errors import NothingToPropose, ProposalFailed, UserError
from autoresearch_magic.events import Judged, Notice, RunStarted
from autoresearch_magic.experiment import Proposal, Usage
from autoresearch_magic.source.files import split
from autoresearch_magic.study import registry
from autoresearch_magic.study.opening import open_study
from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.cli import main
from autoresearch_magic.ui.commands.table import run as run_line
from autoresearch_magic.ui.replies import experiment_reply
from autoresearch_magic.ui.session import Session

from ..repositories import add_hooks, changed, commit, repository, run_git, state, write
from ..studies import finish, wait_for

APP = "SIZE = 40\nDEPTH = 5\n\n\ndef cost():\n    return SIZE + DEPTH\n"
FILES = {
    "src/app.py": APP,
    "src/util.py": "NAME = 'x'\n",
    "bench.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nprint('ms:', app.cost())\n",
    "check.py": "import sys\nsys.path.insert(0, 'src')\nimport app\nif app.SIZE < 10:\n    sys.exit('SIZE is too small')\n",
    "tests/test_app.py": "def test(): pass\n",
    "README.md": "Hello\n",
    ".gitignore": ".autoresearch/\n__pycache__/\n*.local\n",
}
FAST = {"metric": "ms", "scope": "src/**", "verify": "python bench.py", "experiments": 5, "repeats": 2}


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo", FILES)


@pytest.fixture
def make(repo):
    made = []

    def make(program="# Make it fast", **options):
        options = FAST | {"repo": str(repo), "root": repo / ".autoresearch"} | options
        made.append(Study(program, **{name: value for name, value in options.items() if value is not None}))
        return made[-1]

    yield make
    for study in made:
        study.stop()


class Script(Agent):
    """An agent that changes files as it was told to, in order; with `mends`, it answers reworks with those."""

    def __init__(self, *steps, mends=None):
        self.steps, self.mends, self.asked = list(steps), list(mends or ()), []
        if mends is not None:
            self.reworks = True

    def propose(self, briefing):
        self.asked.append(briefing)
        if briefing.rework is not None:
            step, base = (self.mends.pop(0) if self.mends else None), briefing.rework.proposal.target
        else:
            step, base = (self.steps.pop(0) if self.steps else None), briefing.incumbent.target
        if step is None:
            raise NothingToPropose("The script is at its end.")
        if isinstance(step, Exception):
            raise step
        what = ", ".join(step)
        target = changed(base, **step) if isinstance(step, dict) else step
        return Proposal(target, f"change {what}", "why", "", "script", Usage(calls=1, output=10))


@pytest.fixture
def script(monkeypatch):
    def script(*steps, mends=None):
        agent = Script(*steps, mends=mends)
        monkeypatch.setitem(BUILT_IN, "script", lambda order: agent)
        return agent

    return script


def app(size, depth=5):
    return {"src__app_py": APP.replace("40", str(size)).replace("DEPTH = 5", f"DEPTH = {depth}")}


def verdicts(study):
    return [str(e.verdict) for e in study.experiments]


# -- a study from its beginning to its end ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_tuner_makes_it_better_and_the_checkout_is_as_it_was(make, repo):
    before = state(repo)
    study = finish(make(experiments=6, seed=1))
    assert state(repo) == before
    best = study.incumbent
    assert best.number > 0
    assert best.value < 45
    assert study.status.headline.gain > 0
    assert run_git(repo, "rev-parse", f"autoresearch/{study.name}").strip() == best.commit
    shown = run_git(repo, "show", f"{best.commit}:src/app.py")
    assert shown == split(best.target)["src/app.py"] != APP
    log = run_git(repo, "log", "--format=%s", f"HEAD..autoresearch/{study.name}").splitlines()
    assert len(log) == sum(e.verdict.kept for e in study.experiments)
    new = study.apply()
    assert run_git(repo, "rev-parse", "HEAD").strip() == new
    assert (repo / "src" / "app.py").read_text() == shown
    assert run_git(repo, "status", "--porcelain") == ""
    message = run_git(repo, "log", "-1", "--format=%B")
    assert message.startswith(f"ms 45 -> {best.value:g}\n\nMake it fast\n")
    with pytest.raises(UserError, match="already has"):
        study.apply()
    again = finish(make(experiments=2))
    assert again.name != study.name
    assert run_git(repo, "rev-parse", f"autoresearch/{again.name}").strip() == again.incumbent.commit


@pytest.mark.slow
def test_every_verdict(make, script, repo):
    bench = FILES["bench.py"].replace("app.cost()", "1")
    script(
        app(30),
        app(30),
        {"bench_py": bench},
        {"src__test_new_py": "def test(): pass\n"},
        {"tests__test_app_py": "x = 1\n"},
        {"README_md": "x\n", "README.md": "Mine\n"},
        {"src__..__bench_py": bench},
        {"src__app_py": APP + "import random\nrandom.seed(3)\n"},
        {"src__app_py": "def cost(:\n"},
        {"src__app_py": APP + "1/0\n"},
        {"src__app_py": APP + "open('../../../bench.py' if False else 'bench.py', 'w').write('print(1)')\n"},
        app(50),
        {"src__new_py": "SIZE = 7\n", "src__app_py": "from new import SIZE\n\n\ndef cost():\n    return SIZE\n", "src__util_py": None},
        ProposalFailed("nothing came", Usage(calls=1)),
    )  # fmt: skip
    study = finish(make(agent="script", experiments=30))
    assert verdicts(study) == [
        "baseline", "keep", "duplicate", "rejected", "rejected", "rejected", "rejected", "rejected", "rejected", "crash",
        "crash", "rejected", "discard", "keep", "rejected",
    ]  # fmt: skip
    reasons = [e.reason for e in study.experiments]
    assert "changes bench.py, which is frozen" in reasons[3]
    assert "looks like a test" in reasons[4]
    assert "frozen" in reasons[5]
    assert "outside the scope" in reasons[6]
    assert "not a path inside" in reasons[7]
    assert "seed" in reasons[8]
    assert "bench.py, which is frozen" in reasons[11]
    assert all("\n" not in reason for reason in reasons)
    assert "ZeroDivisionError" in study.experiments[10].measurements[0].traceback
    assert study.incumbent.value == 7
    tree = run_git(repo, "ls-tree", "-r", "--name-only", study.incumbent.commit).split()
    assert "src/new.py" in tree
    assert "src/util.py" not in tree
    assert "README.md" in tree
    lines = (study.folder / "results.tsv").read_text().splitlines()
    assert len(lines) == 16


@pytest.mark.slow
def test_what_an_agent_is_told(make, script):
    agent = script(app(30))
    study = finish(make(agent="script", guard="python check.py", program="# Fast\n\nMind the size."))
    told = agent.asked[0]
    assert (told.verify, told.guard, told.scope) == ("python bench.py", "python check.py", ("src/**",))
    assert set(split(told.setup)) == {"bench.py", "check.py"}
    assert "src/util.py" in told.tracked
    text = study.briefing()
    for part in ("Mind the size.", "#% file src/app.py", "`python bench.py`", "The guard, `python check.py`, must pass", "The files that measure: frozen",
                 "src/**", "tests/test_app.py"):  # fmt: skip
        assert part in text


@pytest.mark.slow
def test_a_program_says_it_all(repo, monkeypatch):
    monkeypatch.chdir(repo)
    program = (
        "# Faster\n\nScope: src/**\nVerify: python bench.py\nGuard: python check.py\nMetric: ms (lower is better)\n"
        "Iterations: 2\nNoise: low\n"
    )
    study = finish(Study(program))
    assert (study.settings.repeats, study.settings.experiments, study.settings.guard) == (2, 2, "python check.py")
    assert study.folder.parent == repo / ".autoresearch"
    assert len(study.experiments) >= 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scope": None}, "Say which files experiments may change: --scope"),
        ({"verify": "git push --force"}, "--verify is not run, because"),
        ({"guard": "rm -rf /"}, "--guard is not run, because"),
        ({"link": "../x"}, "--link ../x: give a path inside"),
        ({"scope": "lib/**"}, "no tracked file"),
        ({"budget": "5s"}, "--timeout limits it"),
        ({"repo": "/nowhere/at/all"}, "There is no folder"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_is_written(make, repo, options, message):
    with pytest.raises(UserError, match=message) as caught:
        make(**options)
    assert "\n" not in str(caught.value)
    assert not (repo / ".autoresearch").exists()


def test_a_target_beside_a_scope_and_python_that_does_not_parse(make, repo):
    with pytest.raises(UserError, match="Both a target and --scope"):
        make(target="X = 1\n")
    commit(repo, {"src/app.py": "def cost(:\n"})
    with pytest.raises(UserError, match=r"src/app\.py is not valid Python"):
        make()


@pytest.mark.slow
def test_the_name_of_an_earlier_study_whose_folder_is_gone_is_taken(make, repo):
    finish(make(experiments=1, name="one"))
    unnamed = finish(make(experiments=1))
    shutil.rmtree(repo / ".autoresearch")
    with pytest.raises(UserError, match="has the experiments of an earlier study one, whose folder is gone") as refused:
        make(name="one")
    assert make().name != unnamed.name
    command = str(refused.value).partition("delete them with  ")[2]
    subprocess.run(["sh", "-c", command], cwd=repo, check=True)
    assert make(name="one").name == "one"
    assert "autoresearch/one" not in run_git(repo, "for-each-ref")
    assert f"autoresearch/{unnamed.name}" in run_git(repo, "for-each-ref"), "the other study's are left"


# -- other numbers, and runs that do not count --------------------------------------------------------------------------------------


EVALUATOR = """\
import json, sys
sys.path.insert(0, 'src')
import app
print(json.dumps({'combined_score': -app.cost(), 'correct': app.SIZE >= 10, 'public': {'depth': app.DEPTH}}))
"""


@pytest.mark.slow
def test_an_evaluators_numbers_are_recorded_shown_and_told_and_its_flag_is_a_guard(make, repo, script):
    commit(repo, {"bench.py": EVALUATOR})
    agent = script(app(30), app(5), app(20, depth=4))
    options = {"metric": "combined_score=json:combined_score (higher is better)", "valid": "json:correct"}
    study = finish(make(agent="script", experiments=3, **options))
    assert verdicts(study) == ["baseline", "keep", "guard-failed", "keep"]
    first, invalid, last = study.experiments[1:]
    assert invalid.reason == "Not valid: json:correct is false. Its combined_score, -10, does not count."
    assert (first.numbers, last.numbers) == (
        {"correct": 1.0, "public.depth": 5.0},
        {"correct": 1.0, "public.depth": 4.0},
    )
    assert "Also measured: correct 0, public.depth 5" in experiment_reply(study, invalid).text
    assert "A run counts only if this holds: `json:correct`." in study.briefing()
    assert "- 3: correct 1, public.depth 4" in study.briefing()
    assert "| public.depth | 5 | 4 |" in study.report(repo / "report.md", confirm=False).read_text()
    assert study.history["numbers"][3] == last.numbers
    rows = json.loads(study.export(repo / "history.json").read_text())
    assert rows[3]["numbers"] == last.numbers
    assert '"{""correct"": 1.0, ""public.depth"": 4.0}"' in study.export(repo / "history.csv").read_text()
    study.stop()
    again = open_study(study.folder)
    assert [e.numbers for e in again.experiments] == [e.numbers for e in study.experiments]
    assert len(agent.asked) == 3


@pytest.mark.slow
def test_an_agent_repairs_a_version_that_is_not_valid(make, repo, script):
    commit(repo, {"bench.py": EVALUATOR})
    agent = script(app(5), mends=[app(12)])
    options = {"metric": "combined_score=json:combined_score (higher is better)", "valid": "json:correct"}
    study = finish(make(agent="script", experiments=1, **options))
    assert verdicts(study) == ["baseline", "keep"]
    assert agent.asked[1].rework.problem.startswith("Not valid: json:correct is false")
    assert '"correct": false' in agent.asked[1].rework.output


# -- the guard ---------------------------------------------------------------------------------------------------------------------


def asides(study):
    with sqlite3.connect(study.folder / "journal.sqlite") as journal:
        rows = journal.execute("SELECT body FROM event WHERE kind = 'rework' ORDER BY id").fetchall()
        kinds = dict(journal.execute("SELECT kind, count(*) FROM measurement GROUP BY kind").fetchall())
    return [json.loads(body) for (body,) in rows], kinds


@pytest.mark.slow
def test_an_agent_that_cannot_mend_fails_at_once(make, script):
    agent = script(app(5), app(20))
    study = finish(make(agent="script", guard="python check.py"))
    assert verdicts(study) == ["baseline", "guard-failed", "keep"]
    assert study.experiments[1].reason == "The guard ended with exit status 1: SIZE is too small."
    shown = experiment_reply(study, study.experiments[1]).text
    assert "The guard's output says:\nSIZE is too small" in shown
    assert "too small" in (study.folder / "logs" / "0001-guard.log").read_text()
    assert len(agent.asked) == 3
    assert study.incumbent.value == 25


@pytest.mark.slow
def test_a_proposal_is_mended_and_the_refused_version_is_kept_aside(make, script, repo):
    agent = script(app(5), mends=[app(6), app(12)])
    study = finish(make(agent="script", guard="python check.py"))
    assert verdicts(study) == ["baseline", "keep"]
    assert study.experiments[1].value == 17
    first, second = (briefing.rework for briefing in agent.asked if briefing.rework)
    assert first.proposal.target == changed(study.experiments[0].target, **app(5))
    assert second.proposal.target == changed(study.experiments[0].target, **app(6))
    assert first.problem == "The guard ended with exit status 1: SIZE is too small."
    assert "SIZE is too small" in first.output
    assert study.experiments[1].proposal.usage.calls == 3, "what was mended was paid for"
    kept_aside, kinds = asides(study)
    assert [split(body["target"])["src/app.py"] for body in kept_aside] == [
        app(5)["src__app_py"],
        app(6)["src__app_py"],
    ]
    assert [body["values"] for body in kept_aside] == [[10.0], [11.0]]
    assert kinds["reworked"] == 2
    assert open_study(study.name, study.folder.parent).experiments == study.experiments
    assert split(study.experiments[1].target)["src/app.py"] == run_git(
        repo, "show", f"{study.incumbent.commit}:src/app.py"
    )


@pytest.mark.slow
def test_after_two_mendings_it_has_failed(make, script):
    agent = script(app(5), app(20), mends=[app(4), app(3), app(30)])
    study = finish(make(agent="script", guard="python check.py", experiments=2))
    assert verdicts(study) == ["baseline", "guard-failed", "keep"]
    assert sum(briefing.number == 1 for briefing in agent.asked) == 3, "once, and two mendings"
    assert len(agent.mends) == 1
    assert study.experiments[1].value == 8, "the last version is the experiment's"


@pytest.mark.slow
@pytest.mark.parametrize("end", [ProposalFailed("no", Usage(calls=1, output=5)), NothingToPropose("no more")])
def test_a_mending_that_does_not_come_ends_the_experiment_and_not_the_study(make, script, end):
    script(app(5), app(20), mends=[end])
    study = finish(make(agent="script", guard="python check.py", experiments=2))
    assert verdicts(study) == ["baseline", "guard-failed", "keep"]
    calls = 1 + isinstance(end, ProposalFailed)
    assert study.experiments[1].proposal.usage.calls == calls
    assert open_study(study.name, study.folder.parent).experiments[1].proposal.usage.calls == calls


@pytest.mark.slow
def test_a_mending_that_breaks_a_rule_is_rejected(make, script):
    script(app(5), mends=[{"check_py": "pass\n"}])
    study = finish(make(agent="script", guard="python check.py"))
    assert verdicts(study) == ["baseline", "rejected"]
    assert "check.py, which is frozen" in study.experiments[1].reason


@pytest.mark.slow
def test_a_guard_is_asked_of_winners_alone(make, script):
    script(app(60), app(30))
    study = finish(make(agent="script", guard="python check.py"))
    assert verdicts(study) == ["baseline", "discard", "keep"]
    logs = sorted(path.name for path in (study.folder / "logs").glob("*-guard.log"))
    assert logs == ["0000-guard.log", "0002-guard.log"]


@pytest.mark.slow
def test_a_guard_that_fails_on_the_code_as_it_is_ends_the_study_with_its_output(make, repo):
    commit(repo, {"src/app.py": APP.replace("40", "3")})
    study = make(guard="python check.py").start()
    assert study.wait(60)
    assert study.state == "failed"
    assert study.status.message.startswith("The guard ended with exit status 1: SIZE is too small. It must pass on the")
    assert "SIZE is too small" in study.status.traceback


@pytest.mark.slow
def test_a_guard_s_metric_is_held_to_the_baseline(make, script):
    script(app(30, depth=6), app(31, depth=5), app(20, depth=5))
    study = finish(make(
        agent="script", guard="cat src/*.py | sed -n 's/^DEPTH = /depth: /p'", guard_metric="depth (lower is better)",
        guard_threshold="10",
    ))  # fmt: skip
    assert verdicts(study) == ["baseline", "guard-failed", "keep", "keep"]
    assert all(part in study.experiments[1].reason for part in ("depth is 6", "is 5", "10%"))


@pytest.mark.slow
def test_what_a_guard_is_held_to_is_known_after_it_failed_first(make, script, repo):
    """A guard that fails on the baseline for a reason outside of the repository, and passes when the study goes on."""
    script(app(30, depth=6))
    flag = repo / "ready.local"
    study = make(
        agent="script",
        guard=f"test -e {flag} && cat src/*.py | sed -n 's/^DEPTH = /depth: /p'",
        guard_metric="depth (lower is better)",
        name="one",
    ).start()
    assert study.wait(60)
    assert study.state == "failed"
    flag.touch()
    study.resume()
    assert study.wait(60)
    assert verdicts(study) == ["baseline", "guard-failed"]


@pytest.mark.slow
def test_a_question_that_was_asked_ahead_waits_for_the_mending(make, script):
    agent = script(app(5), {"src__util_py": "NAME = 'y'\n"}, mends=[app(12)])
    agent.slow = True
    study = finish(make(agent="script", guard="python check.py"))
    assert [(briefing.number, briefing.rework is not None) for briefing in agent.asked[:3]] == [
        (1, False), (2, False), (1, True),
    ]  # fmt: skip
    assert verdicts(study) == ["baseline", "keep", "discard"]
    second = split(study.experiments[2].target)
    assert second["src/app.py"] == app(12)["src__app_py"], "it is an edit of what was kept meanwhile"
    assert second["src/util.py"] == "NAME = 'y'\n"


@pytest.mark.slow
def test_a_language_model_mends_its_proposal(make, repo, tmp_path, monkeypatch):
    """A program that answers with blocks, and looks only at what it is told."""
    answer = (
        "import sys\ntold = sys.stdin.read()\nsize = 12 if 'does not pass the guard' in told else 5\n"
        "before = 5 if size == 12 else 40\nassert size == 5 or 'SIZE is too small' in told\n"
        "print('<summary>smaller</summary>')\nprint('#% file src/app.py')\n"
        "print(f'<<<<<<< SEARCH\\nSIZE = {before}\\n=======\\nSIZE = {size}\\n>>>>>>> REPLACE')\n"
    )
    write(tmp_path, {"model.py": answer})
    study = finish(
        make(agent=f"command:{sys.executable} {tmp_path / 'model.py'}", guard="python check.py", experiments=1)
    )
    assert verdicts(study)[:2] == ["baseline", "keep"]
    assert study.experiments[1].value == 17
    assert study.experiments[1].proposal.usage.calls == 2


# -- what ends a study --------------------------------------------------------------------------------------------------------------


def quiet(note):
    return {
        "src__app_py": APP.replace(
            "return SIZE + DEPTH", f"import os\n    os.write(1, b'silent {note}')\n    os._exit(0)"
        )
    }


@pytest.mark.slow
def test_proposals_without_a_value_do_not_end_the_study_while_the_best_still_has_one(make, script):
    agent = script(quiet("one"), quiet("two"), app(30), quiet("three"), quiet("four"), quiet("five"), app(20))
    study = make(agent="script", experiments=9)
    notices = []
    study.observe(lambda event: notices.append(event.message) if isinstance(event, Notice) else None)
    finish(study)
    errors = ["metric-error"] * 2
    assert verdicts(study) == ["baseline", *errors, "keep", *errors, "metric-error", "keep"]
    assert agent.steps == []
    told = [line for line in notices if "gave no value" in line]
    assert told[0] == (
        "2 runs in a row gave no value, but the baseline still does: the changes broke it, and the search goes on."
    )
    assert "experiment 3, the best so far, still does" in told[1]
    assert len(told) == 2, "it is not asked for again before twice as many have failed"
    assert study.status.headline.best == 25


@pytest.mark.slow
def test_a_command_that_breaks_for_good_ends_the_study_and_says_so(make, script, repo):
    flag = repo / "broken.local"
    script(app(30), app(20), app(19), app(18), app(17))
    study = make(
        agent="script", experiments=9, verify=f"if [ -e {flag} ]; then echo no license; else python bench.py; fi"
    )
    study.observe(lambda event: flag.touch() if isinstance(event, Judged) and event.experiment.number == 2 else None)
    study.start()
    assert study.wait(60)
    assert study.state == "failed"
    assert verdicts(study) == ["baseline", "keep", "keep", "metric-error", "metric-error"]
    assert study.status.message.startswith(
        "2 runs in a row gave no value, and experiment 2, the best so far, gives none any more either: "
    )
    assert study.status.message.endswith("So nothing can be confirmed: repair what measures, then resume.")
    assert "no license" in study.status.traceback
    flag.unlink()
    study.resume()
    assert study.wait(60)
    assert (study.state, verdicts(study)[5:]) == ("finished", ["keep"])
    assert study.status.headline.best == 22


@pytest.mark.slow
def test_runs_that_diverge_do_not_end_it(make, script):
    nan = [{"src__app_py": APP.replace("return SIZE + DEPTH", f"return float('nan') * {n}")} for n in range(1, 4)]
    script(*nan, app(20))
    study = finish(make(agent="script", experiments=9))
    assert verdicts(study) == ["baseline", *["metric-error"] * 3, "keep"]


@pytest.mark.slow
def test_a_command_that_does_not_run_as_it_is(make):
    study = make(verify="python no_such.py").start()
    assert study.wait(60)
    assert study.state == "failed"
    assert "The target does not run as it is: The command ended with exit status 2." in study.status.message
    assert "no_such.py" in study.status.traceback


# -- stopped, killed, and going on -----------------------------------------------------------------------------------------------------


SLOW = "import sys, time\nsys.path.insert(0, 'src')\nimport app\ntime.sleep(0.3)\nprint('ms:', app.cost())\n"


@pytest.mark.slow
def test_a_stopped_study_goes_on_in_its_export(make, script, repo):
    commit(repo, {"bench.py": SLOW})
    agent = script(app(30), app(20), app(10))
    study = make(agent="script", experiments=3, name="one")
    stop = []

    def stop_in_mid_run(event):
        if isinstance(event, RunStarted) and event.experiment.number == 2 and not stop:
            stop.append(True)
            study.stop(wait=False)

    study.observe(stop_in_mid_run)
    study.start().wait(60)
    assert study.state == "stopped"
    tree = study.folder / "export"
    assert tree.is_dir()
    ignored = tree / "cache.local"
    ignored.write_text("left by a run")
    agent.steps = [app(10)]
    before = state(repo)
    again = open_study("one", repo / ".autoresearch").resume()
    assert again.wait(60)
    assert [e.value for e in again.experiments] == [45, 35, 25, 15]
    assert not ignored.exists()
    assert state(repo) == before


def processes(mark):
    """Return the processes whose command line or working folder has a mark in it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read()
            if mark.encode() in line or os.readlink(f"/proc/{pid}/cwd").startswith(mark):
                found.append(int(pid))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.mark.slow
def test_a_process_that_is_killed_in_mid_experiment_leaves_the_repository_as_it_was(repo):
    commit(repo, {"bench.py": SLOW.replace("0.3", "0.3 if app.SIZE == 40 else 60")})
    write(repo, {"README.md": "stashed\n", "notes.local": "mine\n"})
    run_git(repo, "stash")
    before = state(repo)
    program = f"""
        from autoresearch_magic import Study
        study = Study("# Fast", metric="ms", scope="src/**", verify="python bench.py", experiments=2, repeats=1, name="one",
                      repo={str(repo)!r}, root={str(repo / ".autoresearch")!r}, agent="tuner:app.SIZE", patience=1)
        study.start().wait()
    """
    # Its own session, so that nothing but the study's own care ends what it has started.
    with open(repo.parent / "said", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            start_new_session=True,
            cwd=repo.parent,
            stdout=log,
            stderr=log,
        )
    tree = str(repo / ".autoresearch" / "one" / "export")

    def in_mid_experiment():
        assert process.poll() is None, (repo.parent / "said").read_text()
        try:
            study = open_study("one", repo / ".autoresearch")
        except UserError:
            return False
        return len(study.experiments) == 1 and len(processes(tree)) > 0

    wait_for(in_mid_experiment)
    assert processes(str(repo / ".autoresearch"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not processes(str(repo)))
    assert state(repo) == before
    assert (repo / "notes.local").read_text() == "mine\n"
    study = open_study("one", repo / ".autoresearch")
    study.resume(timeout="0.8s")
    assert study.wait(60)
    assert study.state == "finished", study.status.message
    assert len(study.experiments) >= 2
    assert state(repo) == before
    assert "stash@{0}" in run_git(repo, "stash", "list")


@pytest.mark.slow
def test_thirty_experiments_leave_the_repository_as_it_was(make, script, repo):
    write(repo, {"README.md": "stashed\n", "notes.local": "mine\n"})
    run_git(repo, "stash")
    run_git(repo, "branch", "other")
    run_git(repo, "tag", "v1")
    before = state(repo)
    add_hooks(repo, repo.parent / "hooks ran")
    script(*(app(39 - n if n % 2 else 60 + n) for n in range(30)))
    study = finish(make(agent="script", experiments=30, repeats=1))
    assert len(study.experiments) == 31
    assert not (repo.parent / "hooks ran").exists()
    assert state(repo) == before
    assert len(run_git(repo, "for-each-ref", f"refs/autoresearch/{study.name}/").splitlines()) == 31
    assert run_git(repo, "fsck", "--no-dangling").strip() == ""


@pytest.mark.slow
def test_questions_run_in_the_export_too(make, script):
    script(app(30), app(20))
    study = finish(make(agent="script", experiments=2))
    found = study.regression(0, 2, samples=2)
    assert found.verdict == "STABLE"
    session = Session(root=study.folder.parent)
    registry.register(study)
    with pytest.raises(UserError, match=r"apply 2  commits the experiment to your branch"):
        run_line(session, "restore 2")


@pytest.mark.slow
def test_a_plan_leaves_nothing_behind(make, repo):
    before, refs = state(repo), run_git(repo, "for-each-ref")
    text = str(make(guard="python check.py").plan())
    assert "ms" in text
    assert state(repo) == before
    assert run_git(repo, "for-each-ref") == refs
    assert len(run_git(repo, "worktree", "list").splitlines()) == 1
    assert not (repo / ".autoresearch").exists()


@pytest.mark.slow
def test_linked_files_are_there_and_are_no_part_of_the_target(make, script, repo):
    commit(repo, {"bench.py": FILES["bench.py"] + "assert open('src/data.local/x').read() == '1'\n"})
    write(repo, {"src/data.local/x": "1"})
    script({"src__data.local__x": "2"}, {"src__data.local__y": "2"}, app(30))
    study = finish(make(agent="script", link="src/data.local"))
    assert verdicts(study) == ["baseline", "rejected", "rejected", "keep"]
    assert "linked from your checkout" in study.experiments[1].reason
    assert (repo / "src" / "data.local" / "x").read_text() == "1"


# -- the original's layout --------------------------------------------------------------------------------------------------------------


PROSE = """# autoresearch

This is an experiment to have the model do its own research.

## Setup

To set up a new experiment, work with the user to:

1. **Agree on a run tag**: propose a tag based on the date (e.g. `mar5`).
2. **Read the in-scope files**: `prepare.py` is fixed. `train.py` is the file you modify.

## Experimentation

Each experiment runs on one machine. You launch it simply as: `uv run train.py`.

**What you CAN do:**
- Modify `train.py`: everything is fair game.

**The goal is simple: get the lowest val_bpb.** The budget is fixed.

**Timeout**: Each experiment should take ~5 minutes total (+ a few seconds for startup). If a run exceeds 10 minutes, kill it.

```
---
val_bpb:          0.997900
peak_vram_mb:     45060.2
```

**Crashes**: If a run crashes, use your judgment.
"""
TRAIN = """from prepare import evaluate

DEPTH = 8
WIDTH = 96

print("step 1/1 loss 3.0")
print("---")
print(f"val_bpb:          {evaluate(DEPTH, WIDTH):.6f}")
print("training_seconds: 300.1")
print(f"peak_vram_mb:     {DEPTH * 512 + 0.2:.1f}")
print("num_steps:        953")
print("depth:            8")
"""
ORIGINAL = {
    "program.md": PROSE,
    "prepare.py": "def evaluate(depth, width):\n    return 0.9 + 0.001 * abs(depth - 4) + 0.0001 * abs(width - 64)\n",
    "train.py": TRAIN,
    ".gitignore": "results.tsv\n__pycache__/\n",
}


def analyse(path):
    """Do what the original's notebook does with a table of results."""
    table = pd.read_csv(path, sep="\t")
    for column in ("val_bpb", "memory_gb"):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    table["status"] = table["status"].str.strip().str.upper()
    counts = table["status"].value_counts()
    decided = counts.get("KEEP", 0) + counts.get("DISCARD", 0)
    valid = table[table["status"] != "CRASH"].reset_index(drop=True)
    kept = valid[valid["status"] == "KEEP"]
    baseline, best = valid.loc[0, "val_bpb"], kept["val_bpb"].min()
    steps = kept["val_bpb"].shift(1) - kept["val_bpb"]
    return {
        "columns": list(table.columns), "rows": len(table), "keep rate": counts.get("KEEP", 0) / decided, "baseline": baseline,
        "best": best, "frontier": list(kept["val_bpb"].cummin()), "kept": list(kept["val_bpb"]), "steps": steps.iloc[1:].sum(),
        "best description": kept.loc[kept["val_bpb"].idxmin(), "description"], "table": table,
    }  # fmt: skip


def look(study):
    """Check the results of a study of the original's layout by the original's own analysis."""
    found = analyse(study.folder / "results.tsv")
    assert found["columns"] == ["commit", "val_bpb", "memory_gb", "status", "description"]
    assert found["rows"] == len(study.experiments)
    assert found["baseline"] == pytest.approx(0.9072)
    assert found["best"] == pytest.approx(study.incumbent.value, abs=1e-6)
    assert found["frontier"] == found["kept"], "each keep is the best so far"
    assert found["steps"] == pytest.approx(found["baseline"] - found["best"])
    assert 0 < found["keep rate"] <= 1
    assert found["best description"] == study.incumbent.summary
    table = found["table"]
    assert not table.isna().any().any()
    assert table.loc[0, "memory_gb"] == pytest.approx(4.0), "512 MB a layer"
    assert all(len(commit) == 7 for commit in table["commit"])


@pytest.fixture
def original(tmp_path):
    return repository(tmp_path / "auto research", ORIGINAL)


@pytest.mark.slow
def test_the_original_s_folder_runs_by_its_program_alone(original, script):
    script(
        {"train_py": TRAIN.replace("DEPTH = 8", "DEPTH = 6")},
        {"prepare_py": "def evaluate(depth, width):\n    return 0.1\n"},
        {"train_py": TRAIN.replace("DEPTH = 8", "DEPTH = 9")},
        {"train_py": TRAIN.replace("DEPTH = 8", "1/0")},
        {"train_py": TRAIN.replace("DEPTH = 8", "DEPTH = 4")},
    )
    before = state(original)
    study = finish(Study(original / "program.md", root=original / ".autoresearch", agent="script"))
    s = study.settings
    assert (s.scope, s.verify, s.timeout, s.minimize) == (("train.py",), "python train.py", 600, True)
    assert verdicts(study) == ["baseline", "keep", "rejected", "discard", "crash", "keep"]
    assert "prepare.py" in study.experiments[2].reason
    look(study)
    assert study.definition.program.title == "autoresearch"
    assert "def evaluate(depth, width)" in study.briefing(), "prepare.py is there to be read"
    assert state(original) == before


@pytest.mark.slow
def test_the_original_s_folder_runs_from_the_command_line(original, monkeypatch, capsys):
    monkeypatch.chdir(original)
    monkeypatch.setenv("HOME", str(original.parent))
    run_git(original, "config", "user.name", "Someone")
    run_git(original, "config", "user.email", "someone@example.org")
    before = state(original)
    assert main(["run", "program.md", "-n", "4", "--seed", "1", "--name", "mar5"]) == 0
    assert state(original) == before
    out = capsys.readouterr().out
    assert "results   .autoresearch/mar5/results.tsv" in out
    study = open_study("mar5", original / ".autoresearch")
    look(study)
    assert run_git(original, "rev-parse", "autoresearch/mar5").strip() == study.incumbent.commit
    assert main(["apply"]) == 0
    assert "nothing is pushed" in capsys.readouterr().out
    assert (original / "train.py").read_text() == split(study.incumbent.target)["train.py"]


@pytest.mark.slow
def test_the_original_s_own_python_is_used_whatever_its_path(original):
    (original / ".venv" / "bin").mkdir(parents=True)
    (original / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\necho own python\nexec {sys.executable} "$@"\n')
    (original / ".venv" / "bin" / "python").chmod(0o755)
    commit(original, {".gitignore": ".venv/\n.autoresearch/\n__pycache__/\n"})
    study = finish(Study(original / "program.md", root=original / ".autoresearch", experiments=1, repeats=1))
    assert "own python" in (study.folder / "logs" / "0000.log").read_text()
