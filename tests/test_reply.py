import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_magic.agents.reply import ReplyError, read_reply, replace_once

TARGET = "LR = 3e-4\nWIDTH = 64\n\ndef f(x):\n    return x * WIDTH\n\nloss = f(LR)\n"
TAGS = "<hypothesis>It is slow.</hypothesis>\n<summary>Faster</summary>\n<expect>-0.1</expect>\n"


def block(search, replace):
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def test_a_whole_target_in_a_fence():
    reply = read_reply(f"{TAGS}```python\n{TARGET.replace('3e-4', '1e-3')}```\n", TARGET)
    assert reply.target == TARGET.replace("3e-4", "1e-3")
    assert (reply.summary, reply.hypothesis, reply.expect) == ("Faster", "It is slow.", "-0.1")


def test_nothing_but_a_fence_is_valid_too():
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


def test_trailing_blanks_are_forgiven_and_nothing_else():
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
        (block("class Nothing:\n    pass", "x"), "Nothing in it is like them"),
        (block("", "x = 1"), "SEARCH part is empty"),
        (block("LR = 3e-4", "LR = 1e-3") + "<<<<<<< SEARCH\nWIDTH = 64\n", "not closed"),
        ("<<<<<<< SEARCH\nWIDTH = 64\n=======\n", "not closed"),
        (block("LR = 3e-4", "LR = ("), "does not parse"),
        (block("LR = 3e-4", "LR = 3e-4  # the same"), "the same as the present one"),
        (f"```python\n{TARGET}```", "the same as the present one"),
        ("", "There is no code"),
    ],
)
def test_what_cannot_be_used_is_said_so_that_a_model_can_mend_it(text, message):
    with pytest.raises(ReplyError, match=message):
        read_reply(text, TARGET)


def test_a_passage_that_is_there_twice_is_ambiguous():
    with pytest.raises(ReplyError, match=r"2 times \(at lines 1, 2\)"):
        replace_once("a = 1\na = 1\n", "a = 1", "a = 2")


def test_tags_inside_the_code_are_code():
    source = 'X = "<summary>no</summary>"\nloss = 1\n'
    assert read_reply(f"```python\n{source}```", TARGET).summary != "no"


lines = st.lists(st.from_regex(r"[a-z]{1,6} = [0-9]{1,3}", fullmatch=True), min_size=1, max_size=8, unique=True)


@settings(max_examples=200)
@given(lines, st.data())
def test_a_block_changes_what_it_names_and_nothing_else(source, data):
    start = data.draw(st.integers(0, len(source) - 1))
    end = data.draw(st.integers(start + 1, len(source)))
    new = data.draw(lines)
    changed = replace_once("\n".join(source) + "\n", "\n".join(source[start:end]), "\n".join(new))
    assert changed.splitlines() == source[:start] + new + source[end:]
