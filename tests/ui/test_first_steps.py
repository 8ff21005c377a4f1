import re

import pytest

from autoresearch_magic.ui.commands.first_steps import by_theme
from autoresearch_magic.ui.commands.table import COMMANDS, overview
from autoresearch_magic.ui.session import Place


@pytest.mark.parametrize("place", Place)
def test_every_command_is_listed_once_under_a_theme(place):
    themes = by_theme(place, COMMANDS[place])
    assert "More" not in themes, themes["More"]  # put it into THEMES
    assert sorted(name for names in themes.values() for name in names) == sorted(COMMANDS[place])
    listed = re.findall(r"^  ([a-z]+) +[A-Z].*\.$", overview(place), re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS[place])


def test_a_command_without_a_theme_comes_last():
    assert by_theme(Place.SHELL, ["newest", "status"]) == {"While it runs": ["status"], "More": ["newest"]}


def test_the_two_commands_called_skill_have_different_themes():
    in_notebook, in_shell = (
        [theme for theme, names in by_theme(place, COMMANDS[place]).items() if "skill" in names] for place in Place
    )
    assert in_notebook == ["Define and start"]
    assert "drives" in in_shell[0]
    assert len(in_shell) == 1


def test_help_begins_with_first_steps_and_ends_with_the_machine():
    for place in Place:
        text = overview(place)
        positions = [text.index(f"\n{theme}:\n") for theme in by_theme(place, COMMANDS[place])]
        assert positions == sorted(positions)
        assert "--agent" in text[: positions[0]]


def test_a_shell_sees_both_directions_of_a_coding_agent_first():
    head = overview(Place.SHELL).partition("Define and start:")[0]
    assert "--agent codex" in head
    assert "autoresearch skill install" in head
