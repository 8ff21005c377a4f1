"""Markers that say which lines of a target may change."""

from __future__ import annotations

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.source.blocks import check_blocks, editable_spans, frozen_change, has_blocks
from autoresearch_magic.source.files import join
from autoresearch_magic.source.integrity import refusal

EVOLVE = """import math

# EVOLVE-BLOCK-START
def priority(item, bins):
    return -abs(bins - 0.7 * item)
# EVOLVE-BLOCK-END


def evaluate(items):
    return sum(priority(item, 1.0) for item in items)

    # EVOLVE-BLOCK-START
LIMIT = 3
    # EVOLVE-BLOCK-END
"""
FIXED = """WIDTH = 64
# autoresearch: fixed
TEST_SIZE = 0.2
# autoresearch: end
LR = 0.1
"""


def test_only_lines_between_the_markers_may_change():
    for old, new in (
        ("0.7 * item", "0.9 * item\n    return 3"),
        ("LIMIT = 3\n", ""),
        ("import math\n", "import math  \n"),
    ):
        assert frozen_change(EVOLVE, EVOLVE.replace(old, new)) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import math", "import numpy", "It changes line 1 (import numpy)"),
        ("import math\n", "import math\nimport os\n", "It adds line 2 (import os)"),
        ("    return sum(", "    return 9 + sum(", "It changes line 10 (return 9 + sum("),
        ("def evaluate(items):\n", "", "It removes line 9 (def evaluate(items):)"),
        ("# EVOLVE-BLOCK-END\n\n\ndef", "\n\ndef", "It removes line 6 (# EVOLVE-BLOCK-END)"),
        ("# EVOLVE-BLOCK-START\ndef", "# EVOLVE-BLOCK-START v2\ndef", "It changes line 3 (# EVOLVE-BLOCK-START v2)"),
        # an open string that would swallow the marker and the frozen code below it
        ("* item)", "* item)\n    '''", "It removes line 6 (# EVOLVE-BLOCK-END)"),
        ("LIMIT = 3", "LIMIT = 3\n# EVOLVE-BLOCK-END\nX = 1\n# EVOLVE-BLOCK-START", "It adds line 14 (# EVOLVE-BLOCK-END)"),
    ],
)  # fmt: skip
def test_a_change_of_another_line_is_refused_and_named(old, new, said):
    reason = refusal(EVOLVE.replace(old, new, 1), [EVOLVE])
    assert reason.startswith(said)
    assert reason.endswith(": only lines between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END may change.")
    assert "\n" not in reason


def test_fixed_lines_may_not_change_and_all_others_may():
    assert frozen_change(FIXED, FIXED.replace("64", "32").replace("0.1", "0.2") + "MORE = 1\n") == ""
    assert frozen_change(FIXED, FIXED.replace("0.2", "0.5")) == (
        "It changes line 3 (TEST_SIZE = 0.5): lines between  autoresearch: fixed  and  autoresearch: end  may not change."
    )
    assert frozen_change(FIXED, FIXED.replace("# autoresearch: fixed\n", "")).startswith("It removes line 2")


def test_fixed_lines_within_a_block_may_not_change():
    source = f"# EVOLVE-BLOCK-START\n{FIXED}# EVOLVE-BLOCK-END\n"
    check_blocks(source)
    assert frozen_change(source, source.replace("64", "32")) == ""
    assert frozen_change(source, source.replace("0.2", "0.5")).startswith("It changes line 4")


def test_blocks_of_several_files_and_languages():
    scope = {
        "a.py": EVOLVE,
        "b.js": "const A = 1;\n// EVOLVE-BLOCK-START\nconst B = 2;\n// EVOLVE-BLOCK-END\n",
        "c.txt": "no block\n",
        "q.sql": "-- autoresearch: fixed\nSELECT 1;\n-- autoresearch: end",
    }
    target = join(scope)
    check_blocks(target)

    def changed(**files):
        return frozen_change(target, join({**scope, **{name.replace("_", "."): text for name, text in files.items()}}))

    assert changed(b_js=scope["b.js"].replace("B = 2", "B = 3")) == ""
    assert changed(a_py=EVOLVE.replace("0.7", "0.8"), b_js=scope["b.js"].replace("B = 2", "B = 3")) == ""
    assert changed(b_js=scope["b.js"].replace("A = 1", "A = 3")).startswith("It changes line 1 of b.js (const A = 3;)")
    assert changed(c_txt="other\n").startswith("It changes line 1 of c.txt (other)")
    assert changed(d_py="X = 1\n").startswith("It adds d.py")
    assert frozen_change(target, join({k: v for k, v in scope.items() if k != "c.txt"})).startswith("It removes c.txt")


def test_what_looks_like_a_marker_within_a_string_is_none():
    source = "PROMPT = '''\n# EVOLVE-BLOCK-START\n'''\nX = '# autoresearch: fixed'\n"
    assert not has_blocks(source)
    check_blocks(source)
    assert frozen_change(source, "X = 3") == ""
    assert editable_spans(source) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("X = 1\n# EVOLVE-BLOCK-START\n", "line 2: EVOLVE-BLOCK-START without a line  # EVOLVE-BLOCK-END  below it."),
        ("X = 1\n# EVOLVE-BLOCK-END\n", "line 2: EVOLVE-BLOCK-END without a line  # EVOLVE-BLOCK-START  above it."),
        ("# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n",
         "line 2: EVOLVE-BLOCK-START again before the EVOLVE-BLOCK-END of line 1."),
        ("# autoresearch: fixed\nX = 1\n", "line 1: autoresearch: fixed without a line  # autoresearch: end  below it."),
        ("# autoresearch: end\n", "line 1: autoresearch: end without a line  # autoresearch: fixed  above it."),
        ("# EVOLVE-BLOCK-START\n# autoresearch: fixed\n# EVOLVE-BLOCK-END\n# autoresearch: end\n",
         "line 3: EVOLVE-BLOCK-END before the autoresearch: end of line 2."),
        ("# autoresearch: fixed\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n# autoresearch: end\n",
         "line 2: EVOLVE-BLOCK-START within autoresearch: fixed: nothing there may change."),
        ("X = 1  # autoresearch: fixed\n", "line 1: # autoresearch: fixed must stand on a line of its own."),
        (join({"a.py": "X = 1\n", "b.js": "\n// EVOLVE-BLOCK-START\n"}),
         "line 2 of b.js: EVOLVE-BLOCK-START without a line  # EVOLVE-BLOCK-END  below it."),
    ],
)  # fmt: skip
def test_markers_that_are_no_pairs_are_one_line_errors(source, said):
    with pytest.raises(UserError) as caught:
        check_blocks(source)
    assert str(caught.value) == said


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spans_are_the_lines_that_may_change(end):
    for source, inside in ((EVOLVE, ["priority", "0.7", "LIMIT"]), (FIXED, ["WIDTH = 64", "LR = 0.1"])):
        source = source.replace("\n", end)
        text = "|".join(source[start:stop] for start, stop in editable_spans(source) or [])
        assert all(each in text for each in inside)
        assert not any(each in text for each in ("import", "evaluate", "EVOLVE", "TEST_SIZE", "autoresearch"))
        target = join({"a.py": source, "z.txt": "text\n"})
        spans = editable_spans(target) or []
        assert all(each in "".join(target[start:stop] for start, stop in spans) for each in inside)
