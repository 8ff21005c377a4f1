"""The page of outcomes has every attack, and the reason of each that is not held."""

from .attack import cell_attacks, repository_attacks
from .outcome import Result
from .table import PAGE, page


def test_the_page_lists_every_attack_and_says_what_is_not_held():
    text = PAGE.read_text()
    for each in [*cell_attacks(), *repository_attacks()]:
        assert f"{each.title} (`{each.name}`)" in text, "make it anew: python -m tests.attacks --matrix FOLDER"
        assert (f"- **{each.title}** (`{each.name}`): {each.open}." in text) == bool(each.open)


def test_marks_say_what_was_held():
    first = next(each for each in cell_attacks() if each.against == "walls")
    results = {
        ("nobody", "all"): {first.name: Result(first.name)},
        ("nobody", "none"): {first.name: Result(first.name, ("read a key",))},
    }
    line = next(line for line in page(results).splitlines() if f"`{first.name}`" in line)
    assert line.endswith("| + | - |")
    assert "| attack | user: all | user: none |" in page(results)
