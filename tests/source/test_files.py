"""Targets of several files, and scope globs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.errors import UserError
from autoresearch_magic.source import files
from autoresearch_magic.source.constants import find_constants, read_values, replace_constants
from autoresearch_magic.source.edits import check_syntax, complexity, fingerprint, unified_diff
from autoresearch_magic.source.integrity import refusal

LINES = st.sampled_from(
    [
        "",
        "x = 1",
        "#% file a.py",
        "#%% file a.py",
        files.NO_NEWLINE,
        "#% no newline",
        "\r",
        "é\r",
        "#% file ",
        "  #% file b",
    ]
)
CONTENTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.tuples(st.lists(LINES, max_size=6), st.booleans()).map(lambda t: "\n".join(t[0]) + "\n" * t[1]),
)


@given(st.dictionaries(st.from_regex(r"[a-z ./é]{1,12}", fullmatch=True), CONTENTS, min_size=1, max_size=4))
def test_split_returns_what_was_joined(contents: dict[str, str]) -> None:
    assert files.split(files.join(contents)) == contents


@given(st.dictionaries(st.sampled_from(["a.py", "b/c.py", "d.txt"]), CONTENTS, min_size=1))
def test_parts_have_their_positions(contents: dict[str, str]) -> None:
    text = files.join(contents)
    for part in files.parts(text):
        assert text[: part.start].count("\n") == part.line
        if part.verbatim:
            assert text[part.start :].startswith(part.content)


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (["train.py"], ["train.py"]),
        (["*.py"], ["train.py"]),
        (["**/*.py"], ["src/app.py", "src/deep/x.py", "tests/test_app.py", "train.py"]),
        (["src"], ["src/app.py", "src/deep/x.py", "src/web.ts"]),
        (["src/"], ["src/app.py", "src/deep/x.py", "src/web.ts"]),
        (["src/*.py"], ["src/app.py"]),
        (["src/**/*.{py,ts}"], ["src/app.py", "src/deep/x.py", "src/web.ts"]),
        (["src/**", "!src/deep/**"], ["src/app.py", "src/web.ts"]),
        (["**/*.py", "!tests"], ["src/app.py", "src/deep/x.py", "train.py"]),
        (["./train.py"], ["train.py"]),
        (["[s-t]r*/app.py"], ["src/app.py"]),
        (["[!s]*.py"], ["train.py"]),
        (["rain.py", "train"], []),
        (["a+b/*.txt"], ["a+b/c.txt"]),
    ],
)
def test_match(scope: list[str], found: list[str]) -> None:
    paths = ["train.py", "src/app.py", "src/deep/x.py", "src/web.ts", "tests/test_app.py", "README.md", "a+b/c.txt"]
    assert files.match(scope, paths) == found


BEFORE = files.join({"a.py": "WIDTH = 64\nprint(WIDTH)\n", "b/a2.py": "RATE = 0.5", "c.txt": "WIDTH = 3\n"})


def test_constants_of_several_files() -> None:
    names = {constant.name: constant.value for constant in find_constants(BEFORE)}
    assert names == {"a.WIDTH": 64, "a2.RATE": 0.5}
    after = replace_constants(BEFORE, {"a.WIDTH": 128, "a2.RATE": 0.25})
    assert files.split(after) == {
        "a.py": "WIDTH = 128\nprint(WIDTH)\n",
        "b/a2.py": "RATE = 0.25",
        "c.txt": "WIDTH = 3\n",
    }
    assert read_values(after) == {"a.WIDTH": 128, "a2.RATE": 0.25}
    alone = files.join({"a.py": "WIDTH = 64\n", "c.txt": "x\n"})
    assert [c.name for c in find_constants(alone)] == ["WIDTH"]


def test_fingerprint_and_complexity_of_several_files() -> None:
    same = files.join(
        {"a.py": "# wide\nWIDTH = 64\nprint( WIDTH )\n", "b/a2.py": "RATE = 0.5\n", "c.txt": "WIDTH = 3\n"}
    )
    other = files.join({"a.py": "WIDTH = 64\nprint(WIDTH)\n", "b/a2.py": "RATE = 0.5", "c.txt": "WIDTH =  3\n"})
    assert fingerprint(same) == fingerprint(BEFORE) != fingerprint(other)
    assert complexity(same) == complexity(BEFORE) == complexity(other)
    assert complexity(files.join({"a.py": "WIDTH = 64\n"})) < complexity(BEFORE)


def test_syntax_errors_name_the_file() -> None:
    check_syntax(
        files.join({"a.py": "from __future__ import annotations\n", "b.py": "from __future__ import division\n"})
    )
    with pytest.raises(UserError, match=r"line 2 of the file b\.py is not valid Python"):
        check_syntax(files.join({"a.py": "x = 1\n", "b.py": "\nx ="}))


def test_diff_is_made_file_by_file() -> None:
    after = files.join({"a.py": "WIDTH = 65\nprint(WIDTH)\n", "c.txt": "WIDTH = 3\n", "new.py": "x = 1\n"})
    diff = unified_diff(BEFORE, after)
    heads = [line for line in diff.splitlines() if line.startswith(("---", "+++"))]
    assert heads == ["--- a/a.py", "+++ b/a.py", "--- a/b/a2.py", "+++ /dev/null", "--- /dev/null", "+++ b/new.py"]
    assert "-WIDTH = 64\n+WIDTH = 65\n" in diff


def test_a_seed_in_one_of_several_files_is_detected() -> None:
    after = files.join({"a.py": "import random\nrandom.seed(3)\nWIDTH = 64\n", "b/a2.py": "RATE = 0.5"})
    assert refusal(after, [BEFORE]).startswith("a.py: It sets the seed (line 2")
    assert refusal(after, [after]) == ""


def test_a_file_that_begins_with_a_byte_order_mark_is_python():
    target = files.join({"a.py": "\ufeffWIDTH = 64\n", "b.py": "RATE = 0.5\n"})
    check_syntax(target)
    assert [c.name for c in find_constants(target)] == ["b.RATE"]
    assert complexity(target) == complexity(files.join({"a.py": "WIDTH = 64\n", "b.py": "RATE = 0.5\n"}))
