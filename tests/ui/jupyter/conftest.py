"""An IPython in this process, where a kernel of its own would only cost time."""

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """An IPython with the extension loaded, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # IPython puts its own there
    made = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    made.run_line_magic("load_ext", "autoresearch_magic")
    yield made
    made.run_line_magic("unload_ext", "autoresearch_magic")
