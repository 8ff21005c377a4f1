import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.agents.llm.reply_parser import (
    IDEA,
    IDEAS,
    ReplyError,
    read_ideas,
    read_reply,
    read_tries,
    replace_once,
)
from autoresearch_magic.source.files import join, split

TARGET = "LR = 3e-4\nWIDTH = 64\n\ndef f(x):\n    return x * WIDTH\n\nloss = f(LR)\n"
TAGS = "<hypothesis>It is slow.</hypothesis>\n<summary>Faster</summary>\n<expect>-0.1</expect>\n"


def block(search, replace):
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def test_a_whole_target_in_a_fence():
    reply = read_reply(f"{TAGS}```python\n{TARGET.replace('3e-4', '1e-3')}```\n", TARGET)
    assert reply.target == TARGET.replace("3e-4", "1e-3")
    assert (reply.summary, reply.hypothesis, reply.expect) == ("Faster", "It is slow.", "-0.1")


def test_a_single_fence_is_valid():
    reply = read_reply(f"```\n{TARGET.replace('64', '96')}```", TARGET)
    assert reply.summary == "WIDTH = 96"
    assert reply.hypothesis == ""


def test_a_fence_may_hold_fences():
    source = 'DOC = """\n```\ncode\n```\n"""\nloss = 1\n'
    assert read_reply(f"````python\n{source}````", TARGET).target == source


def test_blocks_all_apply_in_order():
    text = (
        TAGS
        + block("LR = 3e-4", "LR = 1e-3")
        + "and\n"
        + block("    return x * WIDTH", "    y = x * WIDTH\n    return y")
    )
    assert read_reply(text, TARGET).target == (
        "LR = 1e-3\nWIDTH = 64\n\ndef f(x):\n    y = x * WIDTH\n    return y\n\nloss = f(LR)\n"
    )


def test_only_trailing_blanks_may_differ():
    assert "1e-3" in read_reply(block("LR = 3e-4   ", "LR = 1e-3"), TARGET).target
    with pytest.raises(ReplyError, match="not in the target"):
        read_reply(block("LR=3e-4", "LR = 1e-3"), TARGET)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I would raise LR.", "There is no code"),
        ("```python\nLR = 1\n", "not closed"),
        ("```python\nLR = 1\n```\n```python\nLR = 2\n```", "2 fenced blocks"),
        (
            block("LR = 4e-4", "LR = 1"),
            r"nearest are lines 1 to 1:\n  line 1 is     'LR = 3e-4'\n  but you wrote 'LR = 4e-4'",
        ),
        (block("class Nothing:\n    pass", "x"), "Nothing in it is similar to them"),
        (block("", "x = 1"), "SEARCH part is empty"),
        (block("LR = 3e-4", "LR = 1e-3") + "<<<<<<< SEARCH\nWIDTH = 64\n", "not closed"),
        ("<<<<<<< SEARCH\nWIDTH = 64\n=======\n", "not closed"),
        (block("LR = 3e-4", "LR = ("), "does not parse"),
        (block("LR = 3e-4", "LR = 3e-4  # the same"), "the same as the present one"),
        (f"```python\n{TARGET}```", "the same as the present one"),
        ("", "There is no code"),
    ],
)
def test_unusable_replies_name_the_problem(text, message):
    with pytest.raises(ReplyError, match=message):
        read_reply(text, TARGET)


def test_a_passage_that_occurs_twice_is_ambiguous():
    with pytest.raises(ReplyError, match=r"2 times \(at lines 1, 2\)"):
        replace_once("a = 1\na = 1\n", "a = 1", "a = 2")


def test_tags_inside_the_code_are_code():
    source = 'X = "<summary>no</summary>"\nloss = 1\n'
    assert read_reply(f"```python\n{source}```", TARGET).summary != "no"


lines = st.lists(st.from_regex(r"[a-z]{1,6} = [0-9]{1,3}", fullmatch=True), min_size=1, max_size=8, unique=True)


@pytest.mark.slow
@settings(max_examples=200)
@given(lines, st.data())
def test_a_block_changes_only_its_search_lines(source, data):
    start = data.draw(st.integers(0, len(source) - 1))
    end = data.draw(st.integers(start + 1, len(source)))
    new = data.draw(lines)
    changed = replace_once("\n".join(source) + "\n", "\n".join(source[start:end]), "\n".join(new))
    assert changed.splitlines() == source[:start] + new + source[end:]


# -- several files ------------------------------------------------------------------------------------------------------------

SEVERAL = {
    "a.py": "x = 1\nA = 2\n",
    "src/b.py": "x = 1\nB = 3\n\ndef f():\n    return B\n",
    "win.txt": "one\r\ntwo\r\n",
}


def fence(body, ticks="```"):
    return f"{ticks}python\n{body}{ticks}\n"


def new_files(text, files=None):
    """Return the files that a reply changes, as a mapping of paths to new contents; None for a deleted file."""
    before = files or SEVERAL
    after = split(read_reply(text, join(before)).target)
    changed = {path: after.get(path) for path in {**before, **after} if before.get(path) != after.get(path)}
    return dict(sorted(changed.items()))


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        # blocks below names
        ("#% file a.py\n" + block("x = 1", "x = 2"), {"a.py": "x = 2\nA = 2\n"}),
        ("`#% file a.py`\n" + block("x = 1", "x = 2"), {"a.py": "x = 2\nA = 2\n"}),
        ("**#% file ./a.py**\n" + block("x = 1", "x = 2"), {"a.py": "x = 2\nA = 2\n"}),
        (
            "#% file a.py\n" + block("x = 1", "x = 2") + block("A = 2", "A = 4") + "#% file src/b.py\n" + block("x = 1", "x = 5"),
            {"a.py": "x = 2\nA = 4\n", "src/b.py": "x = 5\nB = 3\n\ndef f():\n    return B\n"},
        ),
        # fences around blocks, and blocks around fences
        (
            fence("#% file a.py\n" + block("x = 1", "x = 2")) + fence("#% file src/b.py\n" + block("x = 1", "x = 5")),
            {"a.py": "x = 2\nA = 2\n", "src/b.py": "x = 5\nB = 3\n\ndef f():\n    return B\n"},
        ),
        ("#% file a.py\n" + fence(block("x = 1", "x = 2")), {"a.py": "x = 2\nA = 2\n"}),
        ("#% file a.py\n" + block("A = 2", 'A = """\n```\n#% file src/b.py\n```\n"""'),
         {"a.py": 'x = 1\nA = """\n```\n#% file src/b.py\n```\n"""\n'}),
        # no name: found where the lines are
        (block("B = 3", "B = 4"), {"src/b.py": "x = 1\nB = 4\n\ndef f():\n    return B\n"}),
        (block("two", "2"), {"win.txt": "one\r\n2\r\n"}),
        # whole files
        (fence("#% file a.py\nx = 7\n"), {"a.py": "x = 7\n"}),
        (fence("\n#% file a.py\nx = 7\n"), {"a.py": "x = 7\n"}),
        (fence("#% file a.py\nx = 7\n#% file new/c.py\nc = 1\n"), {"a.py": "x = 7\n", "new/c.py": "c = 1\n"}),
        ("#% file new/c.py\n" + fence("c = 1\n"), {"new/c.py": "c = 1\n"}),
        (fence("#% file win.txt\none\n2\nthree\n"), {"win.txt": "one\r\n2\r\nthree\r\n"}),
        (fence("#% file doc.md\n```\ncode\n```\n", "````"), {"doc.md": "```\ncode\n```\n"}),
        # deleted
        ("#% delete a.py\n", {"a.py": None}),
        ("`#% delete ./a.py`\n" + block("B = 3", "B = 4"), {"a.py": None, "src/b.py": "x = 1\nB = 4\n\ndef f():\n    return B\n"}),
        # all of it
        (
            TAGS + "#% file a.py\n" + block("A = 2", "A = 3") + "#% delete win.txt\n" + fence("#% file d.py\nd = 1\n"),
            {"a.py": "x = 1\nA = 3\n", "d.py": "d = 1\n", "win.txt": None},
        ),
    ],
)  # fmt: skip
def test_changes_of_several_files(text, changes):
    assert new_files(text) == changes


def test_one_file_needs_no_name():
    only = {"train.py": "LR = 1\nloss = LR\n"}
    assert new_files(fence("LR = 2\nloss = LR\n"), only) == {"train.py": "LR = 2\nloss = LR\n"}
    assert new_files(block("LR = 1", "LR = 2"), only) == {"train.py": "LR = 2\nloss = LR\n"}
    with pytest.raises(ReplyError, match=r"line 1 is     'LR = 1'\n  but you wrote 'LR = 3'"):
        new_files(block("LR = 3", "LR = 2"), only)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (block("x = 1", "x = 2"), r"Block 1 does not name its file, and its SEARCH lines are in a\.py, src/b\.py"),
        (block("x = 9", "x = 2"), "its SEARCH lines are in none of them: put a line  #% file PATH"),
        ("#% file c.py\n" + block("x = 1", "x = 2"), r"no file 'c\.py' in the target: it has a\.py, src/b\.py, win\.txt"),
        (
            "#% file src/b.py\n" + block("def f():\n    return A", "x = 2"),
            r"In src/b\.py: Block 1: .*lines 4 to 5:\n  line 5 is     '    return B'\n  but you wrote '    return A'",
        ),
        ("#% file win.txt\n" + block("one\nthree", "x"), r"line 2 is     'two'\n  but you wrote 'three'"),
        ("#% file a.py\n" + block("x = 1", "x = ("), r"file a\.py is not valid Python"),
        (fence("x = 1\n"), "does not name its file"),
        (fence("#% file a.py\nx = 7\n") + "Then run\n" + fence("python a.py\n"), "does not name its file"),
        ("#% file a.py\n" + block("x = 1", "x = 2") + "Then run\n" + fence("python a.py\n"), r"a\.py is given twice"),
        ("#% file a.py\n" + fence("x = 1\n") + fence("x = 2\n"), r"a\.py is given twice"),
        ("#% file a.py\n" + block("x = 1", "x = 2") + "#% delete a.py\n", "both changed and deleted"),
        ("#% delete c.py\n", r"no file 'c\.py' to delete"),
        ("#% delete a.py\n#% delete src/b.py\n#% delete win.txt\n", "deletes the whole target"),
        (fence("#% file a.py\nx = 1\n#% delete win.txt\n"), "put it outside"),
        (fence("#% file a.py\nx = 7\n") + "```python\n#% file src/b.py\nx = 2\n", "is not closed"),
        ("#% file a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n", "is not closed"),
        ("I would change a.py.", "There is no code in the reply"),
        ("#% file a.py\n" + block("x = 1", "x = 1"), "the same as the present one"),
    ],
)  # fmt: skip
def test_unusable_replies_for_several_files(text, message):
    with pytest.raises(ReplyError, match=message):
        new_files(text)


def test_other_bytes_stay_unchanged():
    odd = {"a.txt": "one\ftwo\vthree\u2028four\x85five\nsix\n", "b.txt": "a\r\nb\nc\r\n", "c.txt": "no\nend"}
    assert new_files("#% file a.txt\n" + block("six", "6"), odd) == {"a.txt": "one\ftwo\vthree\u2028four\x85five\n6\n"}
    assert new_files("#% file b.txt\n" + block("b", "B"), odd) == {"b.txt": "a\r\nB\nc\r\n"}
    assert new_files("#% file b.txt\n" + block("c", "C\nD"), odd) == {"b.txt": "a\r\nb\nC\r\nD\r\n"}
    assert new_files("#% file c.txt\n" + block("end", "END"), odd) == {"c.txt": "no\nEND"}


CODE = f"```python\n{TARGET.replace('3e-4', '1e-3')}```\n"


@pytest.mark.parametrize(
    ("text", "ideas"),
    [
        ("", ()),
        ("<ideas>wider layers</ideas>", ("wider layers",)),
        ("<ideas>\n- wider layers\n* cosine  decay\n3. drop the bias\n4) [ ] tie weights\n</ideas>", ("wider layers", "cosine decay", "drop the bias", "tie weights")),
        ("<ideas>\nwider layers\n\ncosine decay\n</ideas>", ("wider layers", "cosine decay")),
        ("<ideas>\nOthers that I had:\n- wider layers,\n  twice as wide\n- decay\n</ideas>", ("wider layers, twice as wide", "decay")),
        ("<ideas>wider layers\n<summary>S</summary>", ("wider layers",)),  # not closed
        ("<ideas>wider layers", ("wider layers",)),
        (f"<ideas>wider layers\n{CODE}", ("wider layers",)),
        (f"{CODE}<ideas>after the code</ideas>", ("after the code",)),
        ("```html\n<ideas>in code</ideas>\n```\n", ()),
        ("<ideas>a thought</ideas>\n```html\n<ideas>in code that is cut off</ideas>\n", ("a thought",)),
        ("<ideas>None.</ideas>", ()),
        ("<ideas>- n/a\n- No other ideas\n- -</ideas>", ()),
        ("<IDEAS>- Wider Layers\n- wider  layers</IDEAS><ideas>decay</ideas>", ("Wider Layers", "decay")),
        ("<idea>3</idea>", ()),
        ("<ideas><idea>8 layers</idea>\n<idea>decay</idea></ideas>", ("8 layers", "decay")),
        ("<ideas>2.5 times the width\n-0.1 of decay</ideas>", ("2.5 times the width", "-0.1 of decay")),
    ],
)  # fmt: skip
def test_ideas(text, ideas):
    assert read_ideas(text) == ideas


def test_ideas_are_bounded():
    many = "\n".join(f"- idea {n} {'x' * 1000}" for n in range(100))
    ideas = read_ideas(f"<ideas>\n{many}\n</ideas>")
    assert len(ideas) == IDEAS
    assert all(len(idea) == IDEA for idea in ideas)
    assert read_ideas("<ideas>a \x1b[31mred\x00 one\ud800</ideas>") == (r"a \x1b[31mred\x00 one\ud800",)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("<idea>3</idea>", (3,)),
        ("<idea>#3, 12 and 3</idea>", (3, 12)),
        ("<idea>none</idea>", ()),
        ("<ideas>3 layers</ideas>", ()),
        ("<ideas><idea>8 layers</idea></ideas>", ()),
        ("<idea>8 layers</idea>", ()),
        ("<ideas>decay</ideas><idea>4</idea>", (4,)),
        ("```\n<idea>3</idea>\n```", ()),
        ("<idea> 7\n<summary>8 layers</summary>", (7,)),
    ],
)
def test_numbers_of_the_ideas_that_a_reply_tries(text, numbers):
    assert read_tries(text) == numbers


def test_a_reply_has_its_code_beside_ideas():
    reply = read_reply(f"{TAGS}<idea>2</idea>\n<ideas>\n- decay\n</ideas>\n{CODE}", TARGET)
    assert (reply.target, reply.summary) == (TARGET.replace("3e-4", "1e-3"), "Faster")
    assert (reply.ideas, reply.tries) == (("decay",), (2,))


@given(st.text(alphabet="<ideas>/\n-`1. xS=HEARC", max_size=120))
def test_ideas_of_any_text(text):
    assert all(idea.strip() and "\n" not in idea and len(idea) <= IDEA for idea in read_ideas(text))
