"""Skills: the program templates, their examples, and the edits recorded on the examples."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autoresearch_magic.agents.llm.reply_parser import ReplyError, apply, replace_once, tag
from autoresearch_magic.config.program import parse_program
from autoresearch_magic.config.skills import (  # fmt: skip
    BUILT_IN,
    VARIABLE,
    as_cell,
    copy_example,
    find_skill,
    list_skills,
    read_skill,
    read_skills,
    skill_folders,
)
from autoresearch_magic.errors import UserError
from autoresearch_magic.runners.safety.policy import danger
from autoresearch_magic.source.constants import find_constants, replace_constants
from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.study import Study

NAMES = ["api-latency", "complexity", "coverage", "fit-model", "fix", "prompt", "security", "speed", "train-lm"]
TUNED = {"api-latency", "fit-model", "speed", "train-lm"}
NEEDS = {
    "security": "bandit",
    "complexity": "radon",
    "coverage": "coverage",
    "fit-model": "sklearn",
    "train-lm": "torch",
}
KEYS = {
    "min-delta",
    "goal",
    "scope",
    "metric",
    "direction",
    "verify",
    "guard",
    "iterations",
    "target",
    "timeout",
    "agent",
}

HEAD = "---\nname: mine\ndescription: Does it.\n---\n# Mine\n\nMetric: a\n"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """Hide the skills of the person who runs the tests."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def block(skill):
    """Return the settings of a skill by key, found by a simple parser."""
    for paragraph in skill.text.split("\n\n"):
        if paragraph.startswith("Goal: "):
            return {key.lower(): value for key, value in (line.split(": ", 1) for line in paragraph.splitlines())}
    raise AssertionError("no settings")


def needs(name):
    """Skip the test when the package that the skill measures with is not installed."""
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")


def shell(command, folder):
    """Run a command as a study does, with this interpreter as `python`; return its exit code and output."""
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", "")))
    env = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "default"}
    env = {name: value for name, value in env.items() if not name.startswith("COV_")}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout + done.stderr


def measure(skill, folder):
    """Run the verify command and read the metric from its output."""
    settings = block(skill)
    code, output = shell(settings["verify"], folder)
    assert code == 0, output
    name, _, how = settings["metric"].partition("=")
    if not how:
        return float(re.search(rf"^{name}: (.+)$", output, re.MULTILINE)[1])
    form, pattern = how.split(":", 1)
    if form == "lines":
        return float(sum(bool(re.search(pattern, line)) for line in output.splitlines()))
    assert form == "re"
    return float(re.search(pattern, output)[1])


def better(skill, value, than):
    return value < than if block(skill)["direction"] == "lower" else value > than


# -- reading them -----------------------------------------------------------------------------------------------------


def test_the_built_in_skills_can_be_read():
    skills, problems = read_skills()
    assert ([skill.name for skill in skills], problems) == (NAMES, [])
    for skill in skills:
        assert skill.folder == BUILT_IN / skill.name
        assert skill.origin == "built in"
        assert skill.text.startswith("# ")
        assert skill.example is not None


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_are_complete_and_safe(name):
    skill = find_skill(name)
    settings = block(skill)
    assert set(settings) >= {"goal", "scope", "metric", "direction", "verify", "guard", "iterations", "agent"}
    assert set(settings) <= KEYS
    assert danger(settings["verify"]) == danger(settings["guard"]) == ""
    scoped = list(skill.example.glob(settings["scope"]))
    assert scoped
    tunable = [
        constant.name for path in scoped if path.suffix == ".py" for constant in find_constants(path.read_text())
    ]
    assert bool(tunable) == (name in TUNED) == (settings["agent"] == "tuner")
    assert len(tunable) == len(set(tunable))
    assert bool(skill.recorded) == (name not in TUNED)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_parse(name):
    skill = find_skill(name)
    program = parse_program(skill.text)
    settings = block(skill)
    assert program.settings["verify"] == settings["verify"]
    assert program.settings["guard"] == settings["guard"]
    assert program.settings["scope"] == settings["scope"]
    assert program.settings["experiments"] == settings["iterations"]
    assert program.title == skill.text.splitlines()[0].removeprefix("# ")


def test_the_users_skills_override_built_in_ones(tmp_path, monkeypatch):
    named = tmp_path / "named"
    monkeypatch.setenv(VARIABLE, os.pathsep.join((str(named), str(tmp_path / "none"))))
    folders = skill_folders(tmp_path)
    assert folders[0] == named
    assert folders[2:] == [
        tmp_path / ".autoresearch" / "skills", tmp_path / "config" / "autoresearch" / "skills", BUILT_IN
    ]  # fmt: skip
    for place, folder in enumerate((folders[0], folders[2], folders[3])):
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "SKILL.md").write_text(HEAD.replace("mine", "speed" if place == 0 else f"own-{place}"))
    skills = {skill.name: skill for skill in list_skills(folders)}
    assert set(skills) == {*NAMES, "own-1", "own-2"}
    assert skills["speed"].origin == (named / "a").as_posix()
    assert skills["speed"].text == "# Mine\n\nMetric: a"
    assert skills["own-1"].example is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# No matter\n", "no front matter"),
        ("---\nname: [\n---\n", "not YAML"),
        ("---\n- a\n---\n", "no name"),
        ("---\nname: a\n---\n", "no description"),
        ("---\nname: 3\ndescription: b\n---\n", "no name"),
        ("---\nname: A b\ndescription: b\n---\n", "lower-case letters"),
        (f"---\nname: a\ndescription: {'b' * 1025}\n---\n", "1024 are allowed"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_an_invalid_skill_is_skipped_with_a_one_line_message(tmp_path, text, said):
    for name, content in (("bad", text), ("good", HEAD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "SKILL.md").write_bytes(content if isinstance(content, bytes) else content.encode())
    skills, [problem] = read_skills([tmp_path])
    assert [skill.name for skill in skills] == ["mine"]
    assert said in problem
    assert (tmp_path / "bad" / "SKILL.md").as_posix() in problem
    assert "\n" not in problem
    with pytest.raises(UserError, match=re.escape(problem[:40])):
        find_skill("bad", [tmp_path])


def test_an_unknown_name_is_an_error_with_similar_names():
    with pytest.raises(UserError, match=r"no skill 'sped': did you mean speed\?"):
        find_skill("sped")
    with pytest.raises(UserError, match="there are api-latency, complexity"):
        find_skill("xyzzy")
    assert find_skill(" Speed ").name == "speed"


def test_a_skill_becomes_a_notebook_cell():
    skill = find_skill("speed")
    cell = as_cell(skill, "--repo here")
    assert cell.startswith("%%autoresearch --repo here\n# Make the function faster\n\nGoal: ")
    assert cell.endswith(f"{skill.text}\n")
    assert as_cell(skill).startswith("%%autoresearch\n# ")
    assert "description:" not in cell


# -- copying examples -------------------------------------------------------------------------------------------------


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_an_example_becomes_a_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as inside of a git hook; it must be ignored
    folder = copy_example(find_skill("speed"), tmp_path / "new" / "speed")
    monkeypatch.delenv("GIT_DIR")
    assert folder == tmp_path / "new" / "speed"
    assert git(folder, "log", "--format=%an %s").splitlines() == ["autoresearch The example of the skill speed"]
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "branch", "--show-current") == "main\n"
    assert git(folder, "ls-files").split() == [".gitignore", "bench.py", "near.py", "program.md", "tests/test_near.py"]
    assert not [path for path in (folder / ".git" / "hooks").glob("*") if path.suffix != ".sample"]


def test_copying_an_example_never_overwrites(tmp_path):
    skill = find_skill("fix")
    (tmp_path / "empty").mkdir()
    copy_example(skill, tmp_path / "empty")
    for place in (tmp_path, tmp_path / "empty" / "checks.py"):
        with pytest.raises(UserError, match="name a new folder"):
            copy_example(skill, place)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "SKILL.md").write_text(HEAD)
    with pytest.raises(UserError, match="no example"):
        copy_example(read_skill(tmp_path / "mine" / "SKILL.md"), tmp_path / "other")


# -- measuring the examples ---------------------------------------------------------------------------------------------

GOOD = {
    "speed": {"METHOD": "grid", "CELL": 1.5, "HALF": True, "ROOT": False},
    "api-latency": {"WORKERS": 12, "CACHE": 128},
    "fit-model": {"MODEL": "svm", "COMPONENTS": 30, "PENALTY": 5.0},
    "train-lm": {"LR": 5e-3},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TUNED))
def test_constants_alone_improve_the_example(name, tmp_path):
    needs(name)
    skill = find_skill(name)
    folder = copy_example(skill, tmp_path / "it")
    settings = block(skill)
    baseline = measure(skill, folder)
    assert shell(settings["guard"], folder)[0] == 0
    path = folder / settings["scope"]
    path.write_text(replace_constants(path.read_text(), GOOD[name]))
    assert better(skill, measure(skill, folder), baseline)
    assert shell(settings["guard"], folder)[0] == 0
    assert git(folder, "status", "--porcelain").split() == ["M", settings["scope"]]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - TUNED))
def test_recorded_edits_improve_the_example_where_the_guard_passes(name, tmp_path):
    needs(name)
    skill = find_skill(name)
    folder = copy_example(skill, tmp_path / "it")
    settings = block(skill)
    best = measure(skill, folder)
    assert shell(settings["guard"], folder)[0] == 0
    assert 3 <= len(skill.recorded) <= 5
    kept = 0
    for path in skill.recorded:
        reply = path.read_text()
        assert tag(reply, "summary")
        assert tag(reply, "hypothesis")
        [edited] = set(re.findall(r"^<<<<<<< SEARCH (\S+)$", reply, re.MULTILINE))
        assert folder / edited in set(folder.glob(settings["scope"]))
        before = (folder / edited).read_text()
        for other in set(folder.glob(settings["scope"])) - {folder / edited}:  # so that only one file can be meant
            with pytest.raises(ReplyError):
                apply(reply, other.read_text())
        (folder / edited).write_text(apply(reply, before))
        code, output = shell(settings["guard"], folder)
        if path.stem.endswith("guard-fails"):
            assert code != 0, output
            assert better(skill, measure(skill, folder), best) or name in ("prompt", "fix")
            (folder / edited).write_text(before)
            continue
        assert code == 0, output
        value = measure(skill, folder)
        assert better(skill, value, best)
        best, kept = value, kept + 1
    assert kept >= 3
    if name in ("fix", "prompt", "coverage"):
        assert best == float(settings["target"])


# -- the guards detect tricks ---------------------------------------------------------------------------------------


def test_a_fast_wrong_answer_is_caught(tmp_path):
    folder = copy_example(find_skill("speed"), tmp_path / "it")
    path = folder / "near.py"
    path.write_text(path.read_text().replace("return sorted(found)", "return []"))
    assert shell(block(find_skill("speed"))["guard"], folder)[0] != 0


def test_a_cache_that_serves_stale_prices_is_caught(tmp_path):
    skill = find_skill("api-latency")
    folder = copy_example(skill, tmp_path / "it")
    path = folder / "server.py"
    source = replace_constants(path.read_text(), {"CACHE": 128})
    path.write_text(replace_once(source, "        _remember(name, price)\n        self._answer(200, str(price))",
                                 "        self._answer(200, str(price))"))  # fmt: skip
    code, output = shell(block(skill)["guard"], folder)
    assert code != 0
    assert "the price after a change" in output


def test_a_broken_import_does_not_count_as_a_fix(tmp_path):
    skill = find_skill("fix")
    folder = copy_example(skill, tmp_path / "it")
    baseline = measure(skill, folder)
    (folder / "words" / "wrap.py").write_text("1 / 0\n")
    assert measure(skill, folder) > baseline
    assert shell(block(skill)["guard"], folder)[0] != 0


@pytest.mark.slow
def test_a_silenced_finding_still_counts(tmp_path):
    needs("security")
    skill = find_skill("security")
    folder = copy_example(skill, tmp_path / "it")
    baseline = measure(skill, folder)
    path = folder / "shop" / "accounts.py"
    path.write_text(
        path.read_text()
        .replace("import random", "import random  # nosec")
        .replace(".encode()).hexdigest()", ".encode()).hexdigest()  # nosec")
    )
    assert measure(skill, folder) == baseline


def test_a_real_model_can_answer_the_prompt(tmp_path):
    folder = copy_example(find_skill("prompt"), tmp_path / "it")
    code, output = shell("python score.py --model 'echo billing'", folder)
    assert code == 0
    assert "accuracy: 25.00" in output


@pytest.mark.slow
def test_a_model_that_looks_ahead_is_caught(tmp_path):
    needs("train-lm")
    skill = find_skill("train-lm")
    folder = copy_example(skill, tmp_path / "it")
    path = folder / "train.py"
    path.write_text(
        path.read_text().replace("h = self.embed(x)", "h = self.embed(x) + self.embed(x).mean(1, keepdim=True)")
    )
    code, output = shell(block(skill)["guard"], folder)
    assert code != 0
    assert "still to come" in output


# -- replaying recorded edits -------------------------------------------------------------------------------------------


def study_of(name, tmp_path, **settings):
    skill = find_skill(name)
    folder = copy_example(skill, tmp_path / "it")
    return Study(skill.text, repo=str(folder), root=tmp_path / ".autoresearch", **settings), folder


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NAMES) - TUNED))
def test_recorded_edits_are_played_back_in_a_study(name, tmp_path):
    needs(name)
    study, folder = study_of(name, tmp_path, agent=f"recorded:{name}", repeats=1, experiments=9)
    study.start().wait()
    assert study.state == "finished", study.status.message
    verdicts = [str(e.verdict) for e in study.experiments]
    assert verdicts.count("keep") >= 3
    # Edits that fail the guard are sent back, and the next edit repairs them; edits that are not better skip the guard.
    assert set(verdicts) <= {"baseline", "keep", "discard"}
    with Journal(study.folder / "journal.sqlite") as journal:
        reworks = [body for _, kind, body in journal.notes() if kind == "rework"]
    assert len(reworks) == (name in ("complexity", "coverage", "security"))
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_study_ends_after_all_recorded_edits(tmp_path):
    needs("complexity")
    study, _ = study_of("complexity", tmp_path, agent="recorded:complexity", repeats=1, until=-1)
    study.start().wait()
    assert study.state == "finished"
    recorded = [path.read_text() for path in find_skill("complexity").recorded]
    replies = [e.proposal.reply for e in study.experiments[1:]]
    assert replies == [recorded[0], *recorded[2:]]  # the second failed the guard, and the third repaired it
    study.resume(experiments=20)
    study.wait()
    assert study.status.message == f"All {len(recorded)} recorded edits were tried."
    assert len(study.experiments) == len(recorded)


def test_a_skill_without_recorded_edits_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no recorded edits"):
        study_of("speed", tmp_path, agent="recorded:speed")
    with pytest.raises(UserError, match="recorded:SKILL"):
        Study("x", "y = 1", metric="y", minimize=True, agent="recorded", root=tmp_path)


# -- the notebooks that use them --------------------------------------------------------------------------------------

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
USED = {
    "02_speed": ["speed"],
    "03_api_latency": ["api-latency"],
    "04_code_quality": ["complexity", "security"],
    "05_fit_model": ["fit-model"],
}


@pytest.mark.parametrize("name", sorted(USED))
def test_a_notebook_runs_its_skills_unchanged(name):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    programs = [source for source in code if source.startswith("%%autoresearch")]
    assert len(programs) == len(USED[name])
    for skill, program in zip(map(find_skill, USED[name]), programs, strict=True):
        assert program.splitlines()[1] == skill.text.splitlines()[0]
        assert "\n".join(f"{key.title()}: {value}" for key, value in block(skill).items()) in program
        assert any(f"%autoresearch skill {skill.name} --example" in source for source in code)
    assert not any(cell.get("outputs") for cell in notebook.cells)
