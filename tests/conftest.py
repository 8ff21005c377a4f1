"""Fixtures that more than one room uses: studies, scripted agents, kernels."""

import base64
import gc
import os
import re
import sys
from pathlib import Path

import hypothesis
import pytest

from autoresearch_magic.agents import checkout_guard
from autoresearch_magic.agents.registry import BUILT_IN
from autoresearch_magic.events import Drawn
from autoresearch_magic.storage.records import Records
from autoresearch_magic.storage.results_tsv import write_atomically
from autoresearch_magic.study.study import Study

from . import order
from .kernels import Kernel
from .lab import jupyter_server, lab_browser, open_page  # noqa: F401  (fixtures)
from .studies import QUICK, Script, Terminal

PROJECT = Path(__file__).resolve().parents[1]

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel."""

# As in a shell in which the tests' environment is activated: commands of studies find the `python` of the user's PATH.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])


# No property has a time limit for an example: a shared machine stalls at times.
hypothesis.settings.register_profile("all", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)

FILES_MARKS = re.compile(r"^pytestmark = (.+)$", re.MULTILINE)


def quick(config):
    """Return whether only the quick tests are asked for, as `make check` does."""
    return "not slow" in config.option.markexpr


def pytest_configure(config):
    if not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("quick" if quick(config) else "all")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    return order.processes(os.cpu_count() or 1, quick=quick(config))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without looking for garbage: a large part of the time, for objects that all stay; later looks leave them out."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_ignore_collect(collection_path, config):
    """Leave out files all of whose tests have a mark that is left out: each process would import what they need."""
    expression = config.option.markexpr
    if collection_path.suffix == ".py" and re.fullmatch(r"not \w+( and not \w+)*", expression):
        for marks in FILES_MARKS.findall(collection_path.read_text("utf-8")):
            if {*re.findall(r"pytest\.mark\.(\w+)", marks)} & {*re.findall(r"not (\w+)", expression)}:
                return True
    return None


def pytest_collection_modifyitems(config, items):
    if given := getattr(config, "workerinput", None):
        items[:] = order.shared_out(items, given["workercount"], name_of_file)


def name_of_file(item):
    path = item.path.with_suffix("")
    return path.relative_to(PROJECT / "tests").as_posix() if path.is_relative_to(PROJECT / "tests") else str(path)


@pytest.fixture(autouse=True)
def nobody_watches_this_project(monkeypatch):
    """Let no study of a test look after the repository of this project itself, in which somebody may be working."""

    in_repository = checkout_guard.in_repository
    monkeypatch.setattr(
        checkout_guard,
        "in_repository",
        lambda folder: PROJECT not in (folder, *folder.parents) and in_repository(folder),
    )


@pytest.fixture(autouse=True)
def drawn_once(request, monkeypatch):
    """Let studies of this process write a small PNG as their picture, where a test is not `pictures`: each takes a third of a second."""
    if not request.node.get_closest_marker("pictures"):
        monkeypatch.setattr(Records, "_draw", put_picture)


def put_picture(records, experiments, proven, headline, last):
    write_atomically(records.folder / "progress.png", PICTURE)
    records._publish(Drawn(last))


@pytest.fixture
def make_study(tmp_path):
    made = []

    def make_study(target=QUICK, setup="", program="Lower it", **options):
        options = {"metric": "loss", "experiments": 5, "repeats": 2, "budget": "0.05s", "root": tmp_path} | options
        made.append(Study(program, target, setup, **options))
        return made[-1]

    yield make_study
    for study in made:
        study.stop()


@pytest.fixture
def script(monkeypatch):
    def script(*targets):
        agent = Script(*targets)
        monkeypatch.setitem(BUILT_IN, "script", lambda order: agent)
        return agent

    return script


@pytest.fixture
def terminal(tmp_path):
    """A terminal in which somebody else runs a study."""
    made = Terminal(tmp_path)
    yield made
    made.close()


@pytest.fixture
def start_kernel(tmp_path):
    made = []

    def start(folder=tmp_path, **env):
        kernel = Kernel(folder, env)
        made.append(kernel)
        return kernel

    yield start
    for kernel in made:
        kernel.close()


@pytest.fixture
def kernel(start_kernel):
    """A kernel with the extension loaded."""
    made = start_kernel()
    assert made.run("%load_ext autoresearch_magic").status == "ok"
    return made
