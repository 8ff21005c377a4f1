import os
import re

import pytest

from autoresearch_magic import __version__
from autoresearch_magic.config import host_skill
from autoresearch_magic.config.host_skill import (
    NAME,
    State,
    examine,
    marked,
    preset_name,
    presets,
    remove,
    skill_files,
    skill_texts,
    summary,
    write,
)
from autoresearch_magic.config.program import parse_program, split_front_matter
from autoresearch_magic.config.skills import BUILT_IN, read_skill
from autoresearch_magic.errors import UserError
from autoresearch_magic.judging.forecast import parse_forecast
from autoresearch_magic.metric import Metric


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "skills" / NAME


@pytest.fixture
def installed(folder):
    write(examine(folder))
    return folder


def states(folder):
    return {file.path.relative_to(folder).as_posix(): file.state for file in examine(folder)}


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- the text ---------------------------------------------------------------------------------------------------------


def test_it_has_the_form_of_agent_skills(installed):
    skill = read_skill(
        installed / "SKILL.md"
    )  # checks the lengths of name and description, and the letters of the name
    assert skill.name == NAME == installed.name
    text = (installed / "SKILL.md").read_text()
    assert len(text.splitlines()) < 200
    matter, _ = split_front_matter(text, "it")
    assert set(matter) <= {"name", "description", "license", "compatibility", "metadata"}
    assert len(matter["compatibility"]) <= 500
    assert matter["metadata"] == {"version": __version__}


def test_every_file_that_it_names_is_there_and_every_one_that_is_there_is_named():
    text = skill_texts()["SKILL.md"]
    named = set(re.findall(r"`(references/[^`]+)`", text))
    assert named == set(skill_texts()) - {"SKILL.md"}


def test_nothing_is_left_to_be_filled_in():
    assert not [name for name, text in skill_texts().items() if "{{" in text]


def test_any_terminal_can_print_it():
    assert not [name for name, text in skill_texts().items() if not text.isascii()]


def test_the_presets_are_the_program_templates():
    templates = {folder.name for folder in BUILT_IN.iterdir() if folder.is_dir()}
    assert {skill.name for skill in presets().values()} == templates
    assert {"security", "speed", "latency", "coverage", "fix", "complexity", "prompt", "train"} <= set(presets())
    assert preset_name("api-latency") == preset_name("latency") == "latency"
    with pytest.raises(UserError, match="no preset 'sleep'"):
        preset_name("sleep")


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_program_of_a_preset_is_one_that_can_be_read(name):
    text = skill_texts()[f"references/{name}.md"]
    [program] = re.findall(r"```markdown\n(.*?)```", text, re.DOTALL)
    settings = parse_program(program).settings
    assert settings["verify"]
    assert settings["scope"]
    assert "agent" not in settings  # that is who reads it
    assert parse_program(presets()[name].text).settings.items() >= settings.items()


def test_the_example_of_a_program_can_be_read():
    [program] = re.findall(r"```markdown\n(.*?)```", skill_texts()["references/program.md"], re.DOTALL)
    assert parse_program(program).settings["metric"] == "p95_ms"


def test_its_example_of_an_expected_effect_is_a_forecast():
    [expected] = re.findall(r'--expect "([^"]+)"', skill_texts()["SKILL.md"])
    metric = Metric("ms", "", minimize=True)
    assert parse_forecast(expected, metric) is not None
    assert parse_forecast("-30%", metric) is None  # which the text says


# -- what is ours -----------------------------------------------------------------------------------------------------


def test_it_is_written_once(folder):
    assert set(states(folder).values()) == {State.MISSING}
    assert summary(examine(folder)) == "not installed"
    assert write(examine(folder)) == []
    assert set(states(folder).values()) == {State.CURRENT}
    assert summary(examine(folder)) == f"{__version__}, up to date"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write(examine(folder)) == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_ends_of_lines_that_git_has_converted_are_no_change(installed):
    path = installed / "SKILL.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert set(states(installed).values()) == {State.CURRENT}


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda text: text.replace("Think", "Guess"), State.EDITED),
        (lambda text: text + "\nAnd be quick.\n", State.EDITED),
        (lambda text: "<!-- mine -->\n" + text, State.EDITED),
        (lambda text: re.sub(r"<!-- autoresearch_magic.*", "", text), State.FOREIGN),
        (lambda text: "---\nname: autoresearch-magic\n---\nMine.\n", State.FOREIGN),
        (lambda text: "", State.FOREIGN),
    ],
)
def test_a_changed_file_is_told_from_ours(installed, change, state):
    path = installed / "SKILL.md"
    path.write_text(change(path.read_text()))
    assert states(installed)["SKILL.md"] is state
    assert not state.ours
    assert str(state) in summary(examine(installed))
    kept = path.read_bytes()
    gone = remove(installed, examine(installed))
    assert path not in gone
    assert tree(installed) == {"SKILL.md": kept}


def test_bytes_and_links_and_folders_in_the_way_are_not_ours(installed, tmp_path):
    (installed / "SKILL.md").write_bytes(b"\xff\xfe")
    (installed / "references" / "speed.md").rename(tmp_path / "speed.md")
    (installed / "references" / "speed.md").symlink_to(tmp_path / "speed.md")
    (installed / "references" / "fix.md").unlink()
    (installed / "references" / "fix.md").mkdir()
    found = states(installed)
    assert [found[f"{name}.md"] for name in ("SKILL", "references/speed", "references/fix")] == [State.FOREIGN] * 3
    remove(installed, examine(installed))
    assert (tmp_path / "speed.md").is_file()
    assert (installed / "references" / "fix.md").is_dir()


def test_what_is_in_the_way_is_kept_beside_it(installed):
    path = installed / "SKILL.md"
    for number, text in enumerate(["first", "second"], 1):
        path.write_text(text)
        assert write(examine(installed)) == [(path, path.with_name(f"SKILL.md.before-{number}"))]
    assert (installed / "SKILL.md.before-1").read_text() == "first"
    assert (installed / "SKILL.md.before-2").read_text() == "second"
    assert states(installed)["SKILL.md"] is State.CURRENT


def test_another_version_is_replaced_and_files_that_it_had_more_go(installed, monkeypatch):
    current = tree(installed)
    monkeypatch.setattr(host_skill, "__version__", "0.0.9")
    (installed / "references" / "gone.md").write_text(marked("A preset of once."))
    (installed / "SKILL.md").write_text(marked("Shorter."))
    monkeypatch.undo()
    found = examine(installed)
    assert {file.path.name for file in found if file.state is State.OTHER} == {"gone.md", "SKILL.md"}
    assert "0.0.9" in summary(found)
    assert "install again" in summary(found)
    assert write(found) == []
    assert tree(installed) == current


def test_removing_leaves_nothing_of_ours_and_all_of_others(installed, tmp_path):
    (installed.parent / "other").mkdir()
    gone = remove(installed, examine(installed))
    assert len(gone) == len(skill_files()) + 2
    assert os.listdir(installed.parent) == ["other"]
    assert remove(installed, examine(installed)) == []


def test_a_file_of_the_users_in_the_folder_stays(installed):
    (installed / "notes.md").write_text("mine")
    write(examine(installed))
    remove(installed, examine(installed))
    assert tree(installed) == {"notes.md": b"mine"}
