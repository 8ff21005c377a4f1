"""What a hidden setup shows: names and signatures, and none of its values."""

import ast

from autoresearch_magic.source.signatures import signatures

SOURCE = '''
"""The answers are 42."""
import json
from pathlib import Path
ANSWERS = {"q": 42}
X, (Y, Z) = 1, (2, 3)
def evaluate(model, answers=ANSWERS, *, strict: "42" = 42, **more) -> float:
    """Return 42."""
    secret = 42
    return secret
class Grader(json.JSONEncoder):
    """42"""
    limit = 42
    def grade(self, text="42"): return 42
async def fetch(): return 42
if X:
    LATE = 42
else:
    OTHER = 42
try:
    import numpy
except ImportError:
    numpy = None
for i in range(42):
    LAST = i
evaluate.answer = 42
'''


def test_names_and_signatures_without_values():
    shown = signatures(SOURCE)
    assert "42" not in shown
    assert shown.splitlines() == [
        "import json", "from pathlib import Path", "ANSWERS = ...", "X = ...", "Y = ...", "Z = ...",
        "def evaluate(model, answers=..., *, strict=..., **more): ...",
        "class Grader(json.JSONEncoder):", "    limit = ...", "    def grade(self, text=...): ...",
        "async def fetch(): ...", "LATE = ...", "OTHER = ...", "import numpy", "numpy = ...", "LAST = ...",
    ]  # fmt: skip
    ast.parse(shown)


def test_an_empty_source_has_none():
    assert signatures("") == signatures("1 + 1\n") == ""
