"""The table of outcomes, docs/attacks.md: made by ``python -m tests.attacks --matrix FOLDER``, never by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoresearch_magic.runners.walls import LAYERS, probe

from .attack import Attack, cell_attacks, repository_attacks
from .outcome import Result

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"
HEAD = """# Attacks

What becomes of hostile targets and repositories. `python -m tests.attacks --matrix FOLDER` has made this page from runs on
one Linux machine; each attack is a file in `tests/attacks/`, which says what must happen. After each the harness looks for secrets
in what the run left, for processes, for files outside of its folder, for connections to a server, for harm to another process and
to the user's repository, and measures an honest target, which must give the value that it had before. `make test` runs those that are
held here with all layers; `autoresearch doctor --attacks` runs thirteen others against your install.

`+` the attack was held, `-` it was not, `.` it was not run so. *all*: every layer that the machine has ({layers}); *none*: no wall;
a layer's name: that layer alone. *user* is an ordinary user (`nobody`), *root* is root.
"""


def configurations() -> list[tuple[str, str, str]]:
    """Return user, layers and kind of what is run."""
    working = [layer for layer in LAYERS if not probe()[layer]]
    users = ["nobody", "root"] if os.geteuid() == 0 else ["user"]
    found = [(user, layers, "both") for user in users for layers in ("all", "none")]
    return found + [(user, layer, "walls") for user in users for layer in working]


def run_all(folder: Path) -> None:
    """Run every configuration that has no results in the folder yet, in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for user, layers, kind in configurations():
        place = folder / f"{user}.{layers}.jsonl"
        if place.exists():
            continue
        line = [sys.executable, "-m", "tests.attacks", "--json", "--layers", layers, "--kind", kind]
        with open(folder / "running", "w") as out:
            subprocess.run([*line, *(["--as", user] if user == "nobody" else [])], stdout=out, check=False)
        (folder / "running").rename(place)
        print(place.name, flush=True)


def read_all(folder: Path) -> dict[tuple[str, str], dict[str, Result]]:
    """Return the results by user and layers, then by attack."""
    found: dict[tuple[str, str], dict[str, Result]] = {}
    for place in folder.glob("*.jsonl"):
        user, layers = place.name.split(".")[:2]
        results = [Result.from_json(json.loads(line)) for line in place.read_text().splitlines()]
        found[user, layers] = {each.attack: each for each in results}
    return found


def page(results: Mapping[tuple[str, str], Mapping[str, Result]]) -> str:
    """Return the page's text."""
    layers = [layer for layer in LAYERS if any(each[1] == layer for each in results)]
    columns = [
        (user, name) for user in ("nobody", "user", "root") for name in ("all", *layers, "none") if (user, name) in results
    ]  # fmt: skip
    texts = [HEAD.format(layers=", ".join(layers))]
    for title, attacks in (("Cells", cell_attacks()), ("Repositories", repository_attacks())):
        for against in ("number", "walls", "record", "keys"):
            chosen = [each for each in attacks if each.against == against]
            if chosen:
                texts.append(f"## {title}: against the {against}\n\n{_table(chosen, columns, results)}")
    still = [each for each in [*cell_attacks(), *repository_attacks()] if each.open]
    texts.append(
        "## Not held\n\n" + "".join(f"- **{each.title}** (`{each.name}`): {each.open}.\n" for each in still)
        if still
        else ""
    )
    return "\n".join(text for text in texts if text)


def _table(attacks: Sequence[Attack], columns: Sequence[tuple[str, str]], results: Mapping) -> str:
    used = [each for each in columns if any(attack.name in results[each] for attack in attacks)]
    names = [f"{'user' if user == 'nobody' else user}: {layer}" for user, layer in used]
    lines = [f"| attack | {' | '.join(names)} |", f"| --- |{' --- |' * len(used)}"]
    for attack in attacks:
        marks = [_mark(results[each].get(attack.name)) for each in used]
        name = f"{attack.title} (`{attack.name}`){', not held: see below' if attack.open else ''}"
        lines.append(f"| {name} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


def _mark(result: Result | None) -> str:
    return "." if result is None else "+" if result.held else "-"
