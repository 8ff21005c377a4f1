"""The skill's other commands name ours: a command or a template that exists."""

import re

import pytest

from autoresearch_magic.config.program import parse_program
from autoresearch_magic.config.skill_words import COUNTERPARTS, counterpart
from autoresearch_magic.config.skills import find_skill, skill_folders
from autoresearch_magic.errors import UserError
from autoresearch_magic.ui.commands.table import COMMANDS, run
from autoresearch_magic.ui.session import Place, Session


@pytest.mark.parametrize("name", COUNTERPARTS)
@pytest.mark.parametrize("spelling", ["/autoresearch:{}", "/autoresearch_{}", "$autoresearch {}"])
def test_each_command_of_the_skill_names_its_counterpart(name, spelling):
    with pytest.raises(UserError, match=r"^A program can hold the loop /autoresearch, not ") as told:
        parse_program(f"{spelling.format(name)} --depth deep\nScope: src/**\nIterations: 5")
    assert str(told.value).endswith(counterpart(name))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_what_is_named_exists(name, tmp_path):
    for command in re.findall(r"the command  (\w+)", COUNTERPARTS[name]):
        assert all(command in COMMANDS[place] for place in Place)
    for template in re.findall(r"the template (\w+)", COUNTERPARTS[name]):
        assert find_skill(template, skill_folders(tmp_path)).name == template
    assert (
        "the command  " in COUNTERPARTS[name]
        or "the template " in COUNTERPARTS[name]
        or "no counterpart" in COUNTERPARTS[name]
    )


@pytest.mark.parametrize("typed", ["fix", "autoresearch:security", "learn"])
def test_typed_as_a_command_they_say_the_same(typed, tmp_path):
    for place in Place:
        with pytest.raises(UserError, match=f"There is no command '{typed}': ") as told:
            run(Session(tmp_path, place), typed)
        assert counterpart(typed.rpartition(":")[2]) in str(told.value)


def test_an_unknown_command_lists_the_known_ones():
    with pytest.raises(UserError, match="not '/autoresearch:dance': the others are plan, probe"):
        parse_program("/autoresearch:dance")
