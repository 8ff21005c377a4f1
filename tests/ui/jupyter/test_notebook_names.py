"""Names of the notebook: experiments do not see them, and an error says so and what to do."""

import pytest
from IPython.core.error import UsageError

from autoresearch_magic.runners.notebook_names import notebook_name_hint


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("NameError: name 'df' is not defined (line 3 of the target)", True),
        ("The metric needs 'df', which neither the setup nor the target has defined.", True),
        ("NameError: name 'dg' is not defined (line 3 of the target)", False),
        ("ValueError: df", False),
    ],
)
def test_only_a_missing_name_that_the_notebook_has_is_explained(error, hint):
    told = notebook_name_hint(error, {"df": 1})
    assert bool(told) is hint
    if hint:
        assert told.startswith("The notebook has 'df', but experiments run in a process of their own")
        assert "%%autoresearch setup --here" in told
    assert notebook_name_hint("NameError: name 'sys' is not defined") == "", "no notebook, no hint"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setup", "target", "metric"),
    [
        ("", "loss = sum(df)", "loss"),
        ("", "x = 1", "loss=sum(df)"),
        ("total = sum(df)", "loss = total", "loss"),
    ],
)
def test_a_study_that_uses_a_name_of_the_notebook_says_what_to_do(shell, setup, target, metric):
    shell.run_cell("df = [1, 2]").raise_error()
    if setup:
        shell.run_cell_magic("autoresearch", "setup", setup)
    shell.run_cell_magic("autoresearch", "target", target)
    shell.run_cell_magic("autoresearch", f"--metric {metric} --budget 0.1s -n 1 --agent recorded:fix", "Lower the loss")
    with pytest.raises(
        UsageError, match="The notebook has 'df', but experiments run in a process of their own"
    ) as told:
        shell.run_line_magic("autoresearch", "wait")
    assert "\n" not in str(told.value)
