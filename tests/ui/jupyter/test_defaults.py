"""`%config Autoresearch.…`: defaults of the options, weaker than the program and the options of a magic."""

import argparse

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autoresearch_magic.config.settings import FIELDS
from autoresearch_magic.ui.jupyter import magics
from autoresearch_magic.ui.jupyter.defaults import Autoresearch

from ...repositories import repository


def new_study(shell, **options):
    return magics._loaded[id(shell)].session.new_study(argparse.Namespace(**options))


def cells(shell, program="Lower the loss", options="--metric loss"):
    shell.run_cell_magic("autoresearch", "target", "X = 3.0\nloss = X * X")
    shell.run_cell_magic("autoresearch", f"program {options}", program)


def test_every_option_can_have_a_default(shell, capsys):
    assert {*Autoresearch.class_trait_names(config=True)} == {*FIELDS}
    shell.run_line_magic("config", "Autoresearch.budget = '7s'")
    shell.run_line_magic("config", "Autoresearch")
    shown = capsys.readouterr().out
    assert "Current: '7s'" in shown
    assert "training budget of one experiment" in shown
    assert shell.run_line_magic("config", "Autoresearch.budget") == "7s"


def test_defaults_are_weaker_than_the_program_and_that_than_options(shell):
    for line in ("budget = '7s'", "experiments = 9", "repeats = 2", "seed = 5"):
        shell.run_line_magic("config", f"Autoresearch.{line}")
    cells(shell, "Iterations: 4\n\nLower the loss", "--metric loss --repeats 3")
    made = new_study(shell, seed="6").settings
    assert (str(made.budget), made.experiments, made.repeats, made.seed) == ("7s", 4, 3, 6)
    shell.run_line_magic("config", "Autoresearch.budget = None")
    assert str(new_study(shell).settings.budget) == "20s"


def test_a_configuration_file_sets_them_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}, "Autoresearch": {"experiments": 11}}))
    made.run_line_magic("load_ext", "autoresearch_magic")
    cells(made)
    assert new_study(made).settings.experiments == 11
    made.run_line_magic("unload_ext", "autoresearch_magic")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("experiments = 'many'", "--experiments takes a whole number"),
        ("judge = 'mild'", "--judge is one of expected, strict"),
    ],
)
def test_a_wrong_value_is_told_and_not_taken(shell, capsys, caplog, line, message):
    shell.run_line_magic("config", f"Autoresearch.{line}")
    out = capsys.readouterr()
    assert message in out.out + out.err + caplog.text
    assert getattr(magics._loaded[id(shell)].defaults, line.split()[0]) is None


def test_a_default_of_the_other_kind_of_study_is_left_out(shell, tmp_path):
    shell.run_line_magic("config", "Autoresearch.budget = '7s'")
    shell.run_line_magic("config", "Autoresearch.guard = 'true'")
    repository(tmp_path / "demo", {"app.py": "N = 1\n", "bench.py": "print('ms: 1')\n"})
    shell.run_cell_magic(
        "autoresearch", "program --repo demo --scope app.py --verify 'python bench.py' --metric ms", "Answer faster"
    )
    made = new_study(shell).settings
    assert (made.guard, str(made.budget)) == ("true", "20s")
    cells(shell)
    made = new_study(shell).settings
    assert (made.guard, str(made.budget)) == ("", "7s")


def test_after_unload_there_is_nothing_to_configure(shell):
    assert any(isinstance(each, Autoresearch) for each in shell.configurables)
    shell.run_line_magic("unload_ext", "autoresearch_magic")
    assert not any(isinstance(each, Autoresearch) for each in shell.configurables)
    shell.run_line_magic("load_ext", "autoresearch_magic")


def test_another_metric_at_the_start_leaves_the_direction_of_the_first_behind(shell):
    cells(shell, "Improve it", "--metric loss --minimize")
    assert not new_study(shell, metric="accuracy=1/loss").settings.minimize
    assert new_study(shell).settings.minimize
