"""A study that has run, with curves, repeats, a failure and a difference: what is read back of it must equal its journal."""

import pytest

from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.study.study import Study

from ...studies import Script, finish

TARGET = """X = 3.0
from autoresearch_magic import clock, report
for step in clock:
    report(step=step, loss=1.0 / (1 + step), grad=float(step))
print("a line of the log")
loss = (X - 1) ** 2
"""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """The folder of the study; it is not changed."""
    agent = Script(TARGET.replace("3.0", "2.0"), TARGET.replace("3.0", "2.5"), TARGET.replace("X = 3.0", "X = 1 / 0"))
    BUILT_IN["script"] = lambda order: agent
    try:
        study = Study(
            "# Lower it", TARGET, metric="loss", minimize=True, agent="script", experiments=3, repeats=2, budget="5steps", name="night",
            root=tmp_path_factory.mktemp("tracked"),
        )  # fmt: skip
        finish(study)
    finally:
        del BUILT_IN["script"]
    assert [str(e.verdict) for e in study.experiments] == ["baseline", "keep", "discard", "crash"]
    return study.folder


@pytest.fixture
def study(recorded, tmp_path):
    """A copy of it, opened anew."""
    import shutil

    from autoresearch_magic.study.opening import open_study

    shutil.copytree(recorded, tmp_path / "night")
    return open_study(tmp_path / "night")
