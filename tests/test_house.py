"""The floors of docs/architecture.md: what may know what."""

import subprocess
import sys
from pathlib import Path

import pytest

import autoresearch_magic

PACKAGE = Path(autoresearch_magic.__file__).parent
CORE = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if not {"jupyter", "skills"} & set(path.relative_to(PACKAGE).parts) and path.stem != "__main__"
)
STRANGERS = ("IPython", "ipywidgets", "anywidget", "anthropic", "openai", "torch")


def test_the_core_knows_no_notebook_no_widget_and_no_vendor():
    code = f"import importlib, sys\nfor name in {CORE}: importlib.import_module(name)\nprint([m for m in {STRANGERS} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_experiment_that_wants_the_clock_does_not_pay_for_pandas():
    code = "import sys\nfrom autoresearch_magic import clock, report, seed\nprint([m for m in ('pandas', 'matplotlib', 'optuna', 'git') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", autoresearch_magic.__all__)
def test_the_public_face_is_there(name):
    assert getattr(autoresearch_magic, name) is not None


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="nothing_like_it"):
        autoresearch_magic.nothing_like_it  # noqa: B018
