import pytest

from autoresearch_magic.source import highlight
from autoresearch_magic.source.files import join
from autoresearch_magic.source.highlight import CLASSES, COLOURED, diff_rows, language_of, tokens, unified

SOURCE = "@cached\ndef fit(x, rate=0.1):\n    '''Two\n    lines.'''\n    return sum(x) * rate  # here\n"


def text(lines):
    return "\n".join("".join(part for _, part in line) for line in lines)


def kinds(line):
    return [(kind, part.strip()) for kind, part in line if part.strip()]


def shown(rows):
    """A unified difference as plain text."""
    words = {"@": lambda u: f"{u.row.skipped} lines", "#": lambda u: f"{u.row.path} {u.row.status}"}
    return [u.sign + words.get(u.sign, lambda u: text([u.line]))(u) for u in unified(rows)]


def test_a_cell_is_coloured():
    lines = tokens(SOURCE)
    assert text(lines) == SOURCE
    assert kinds(lines[0]) == [("dec", "@cached")]
    assert kinds(lines[1])[:3] == [("kw", "def"), ("name", "fit"), ("", "(x, rate")]
    assert ("num", "0.1") in lines[1]
    assert [line[-1][0] for line in lines[2:5]] == ["str", "str", "com"]
    assert {kind for line in lines for kind, _ in line} <= set(CLASSES)


@pytest.mark.parametrize(
    "source",
    ["", "\n", "x = 1", "x = 1\r\ny = 2\r\n", "%%time\n!ls $HOME\n", "'''never ends\n", "\ufeffx = 1\n", "a\x0cb\u2028c\n", "\x00\x1b[31m\x07\n"],
)  # fmt: skip
def test_the_text_of_any_source_stays_as_it_is(source):
    assert text(tokens(source)) == source.replace("\r\n", "\n")


def test_a_language_that_is_not_known_is_plain_text():
    assert tokens("def f(): 1", "klingon") == [[("", "def f(): 1")]]
    assert tokens("def f(): 1", "notes.unheard-of") == [[("", "def f(): 1")]]
    assert (language_of("src/a.py"), language_of("a/b.rs"), language_of("x.unheard-of")) == ("python", "rust", "")


def test_files_of_a_target_are_coloured_by_their_names():
    target = join({"a.json": '{"n": 1}\n', "b.py": "def f():\n    return 1", "c.txt": "def f()\n"})
    lines = tokens(target)
    found = {line[0][1]: n for n, line in enumerate(lines) if line and line[0][0] == "file"}
    assert list(found) == ["#% file a.json", "#% file b.py", "#% file c.txt"]
    assert ("num", "1") in lines[1]
    assert lines[found["#% file b.py"] + 1][0] == ("kw", "def ")
    assert lines[found["#% file c.txt"] + 1] == [("", "def f()")]


@pytest.mark.slow
def test_a_long_source_is_coloured_in_part():
    source = "value = 1  # note\n" * 20_000
    lines = tokens(source)
    assert text(lines) == source
    assert len(lines[0]) > 1
    assert lines[-2] == [("", "value = 1  # note")]
    coloured = sum(len(line) > 1 for line in lines)
    assert COLOURED * 0.9 < coloured * 18 <= COLOURED


def test_a_changed_line_and_its_context():
    before = "".join(f"line{n} = {n}\n" for n in range(20))
    after = before.replace("line9 = 9\n", "line9 = 90\nnew = 1\n")
    rows = diff_rows(before, after, context=2)
    assert shown(rows) == ["@7 lines", " line7 = 7", " line8 = 8", "-line9 = 9", "+line9 = 90", "+new = 1", " line10 = 10", " line11 = 11", "@8 lines"]  # fmt: skip
    changed = rows[3]
    assert (changed.kind, changed.before, changed.after) == ("changed", 10, 10)
    assert (changed.old_marks, changed.new_marks) == (((8, 9),), ((8, 10),))
    assert [(row.before, row.after) for row in rows[4:]] == [(None, 11), (11, 12), (12, 13), (13, 14)]
    assert ("num", "90") in changed.new
    assert [row.kind for row in diff_rows(before, after, context=None)].count("same") == 19
    assert [row.kind for row in diff_rows(before, after, context=0)] == ["gap", "changed", "added", "gap"]


def test_a_gap_of_one_line_is_the_line():
    before = "a = 1\nx\ny\nz\nb = 1\n"
    rows = diff_rows(before, before.replace("= 1", "= 2"), context=1)
    assert [row.kind for row in rows] == ["changed", "same", "same", "same", "changed"]


def test_versions_that_are_the_same_differ_in_nothing():
    assert diff_rows(SOURCE, SOURCE) == []
    assert diff_rows("x = 1", "x = 1\n") == []
    assert diff_rows("", "") == []


def test_a_version_from_nothing_is_added():
    assert [row.kind for row in diff_rows("", "a = 1\nb = 2")] == ["added", "added"]
    assert [row.kind for row in diff_rows("a = 1\nb = 2", "")] == ["removed", "removed"]


def test_files_are_compared_one_by_one():
    before = join({"a.py": "A = 1\n", "gone.py": "G = 1\n", "same.py": "S = 1\n"})
    after = join({"a.py": "A = 2\n", "new.js": "let n = 1;\n", "same.py": "S = 1\n"})
    rows = diff_rows(before, after)
    assert shown(rows) == ["#a.py changed", "-A = 1", "+A = 2", "#gone.py removed", "-G = 1", "#new.js added", "+let n = 1;"]  # fmt: skip
    assert rows[1].before == rows[1].after == 1, "lines are counted in their file"


def test_what_differs_by_its_end_alone_says_so():
    before = join({"a.py": "A = 1\nB = 2\n", "b.py": "C = 1\r\n"})
    after = join({"a.py": "A = 1\nB = 2", "b.py": "C = 1\n"})
    assert shown(diff_rows(before, after))[2:4] == ["-B = 2", "+B = 2  (no newline at the end)"]
    assert shown(diff_rows(before, after))[5:] == ["-C = 1␍", "+C = 1"]


def test_a_difference_of_long_versions_is_coloured_where_it_is_shown(monkeypatch):
    read = []
    coloured = highlight._coloured
    monkeypatch.setattr(highlight, "_coloured", lambda source, *more: read.append(source) or coloured(source, *more))
    before = "".join(f"value{n} = {n}  # note\n" for n in range(20_000))
    rows = diff_rows(before, before.replace("value9000 = 9000 ", "value9000 = 1 "))
    assert [row.kind for row in rows] == ["gap", "same", "same", "same", "changed", "same", "same", "same", "gap"]
    assert ("num", "1  ") in rows[4].new or ("num", "1") in rows[4].new
    assert sum(map(len, read)) < 1000
