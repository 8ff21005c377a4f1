"""The options as keyword arguments: the types say what `Settings` says, and a type checker sees a misspelt one."""

import re
import typing
from collections.abc import Sequence

import pytest

from autoresearch_magic import Study
from autoresearch_magic.config.settings import FIELDS, Settings
from autoresearch_magic.config.settings_options import SettingsOptions
from autoresearch_magic.errors import UserError

from ..checked import mypy_strict

PARAMETERS = {"sealed"}
"""Options that `Study` takes as parameters of their own, which are more than the option: the sealed source itself, or its file."""
TYPES = typing.get_type_hints(SettingsOptions)


def test_every_option_is_a_typed_keyword_and_there_are_no_others():
    assert {*TYPES} == {*FIELDS, "maximize"} - PARAMETERS, "declare the option in settings_options.py too"
    assert SettingsOptions.__total__ is False


@pytest.mark.parametrize("name", sorted({*FIELDS} - PARAMETERS))
def test_a_keyword_takes_text_and_the_options_own_type(name):
    taken, own = set(typing.get_args(TYPES[name])) or {TYPES[name]}, typing.get_type_hints(Settings)[name]
    assert str in taken
    for each in typing.get_args(own) if type(None) in typing.get_args(own) else (own,):
        assert (Sequence[str] if each == tuple[str, ...] else each) in taken


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("budjet", "budget"), ("experiment", "experiments"), ("minimise", "minimize"), ("max-costs", "max_cost")],
)
def test_a_misspelt_option_is_one_line_with_the_nearest_name(tmp_path, typo, meant):
    with pytest.raises(UserError, match=f"^There is no option '{typo.replace('-', '_')}': did you mean {meant}\\?$"):
        Study("Lower the loss", "loss = 1", metric="loss", root=tmp_path, **{typo: 3})
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_mypy_sees_a_misspelt_option_and_a_wrong_type(tmp_path, tmp_path_factory):
    (tmp_path / "mine.py").write_text(
        "from autoresearch_magic import Study\n"
        "good = Study('Lower it', 'loss = 1', metric='loss', budget=20, experiments='unlimited', bounds='0..8')\n"
        "Study('Lower it', 'loss = 1', metric='loss', budjet='20s')\n"
        "Study('Lower it', 'loss = 1', metric='loss', repeats=[3])\n"
        "good.resume(experiments=30, patience=None)\n"
        "good.resume(experiment=30)\n"
    )
    errors, printed = mypy_strict(tmp_path / "mine.py", tmp_path_factory)
    lines = [re.match(r"mine\.py:(\d+): error: (.*?)  \[", line).groups() for line in errors]
    assert [number for number, _ in lines] == ["3", "4", "6"], printed
    for (_, error), name in zip(lines, ("budjet", "repeats", "experiment"), strict=True):
        assert f'"{name}"' in error
