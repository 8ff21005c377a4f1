"""Run attacks: ``python -m tests.attacks [--as USER] [--layers none|all|NAME,...] [--json] [NAME ...]``; ``--matrix`` makes the table."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import sys
import tempfile
from pathlib import Path

from .attack import cell_attacks, repository_attacks
from .lab import Lab
from .outcome import Result
from .table import PAGE, page, read_all, run_all


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--as", dest="user", help="an ordinary user to become first, such as nobody; only for root")
    parser.add_argument("--layers", default="all", help="all, none, or names with commas")
    parser.add_argument("--kind", choices=["cells", "repositories", "walls", "both"], default="both")
    parser.add_argument("--json", action="store_true", help="print a JSON line for each attack")
    parser.add_argument("--folder", help="an empty folder for all of it (default: a temporary one)")
    parser.add_argument("--matrix", metavar="FOLDER", help="run all configurations, and write docs/attacks.md")
    arguments = parser.parse_args()
    if arguments.matrix:
        run_all(Path(arguments.matrix))
        PAGE.write_text(page(read_all(Path(arguments.matrix))))
        return 0
    if arguments.user:
        become(arguments.user)
    layers = {"all": None, "none": ()}.get(arguments.layers, tuple(arguments.layers.split(",")))
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="ar-attacks-"))
    lab = Lab(folder / "lab")
    bad = 0
    try:
        for result in run(lab, arguments.names, arguments.kind, layers):
            bad += not result.held
            print(json.dumps(result.to_json()) if arguments.json else line(result), flush=True)
    finally:
        os.chdir("/")
        lab.close()
    return int(bad > 0)


def run(lab, names, kind, layers):
    from .run_cells import run_cell_attacks
    from .run_repositories import run_repository_attacks

    chosen = lambda attacks: [each for each in attacks if not names or each.name in names]  # noqa: E731
    if kind in ("cells", "walls", "both"):
        cells = [each for each in cell_attacks() if kind != "walls" or each.against != "number"]
        yield from run_cell_attacks(lab, chosen(cells), layers)
    if kind in ("repositories", "both"):
        yield from run_repository_attacks(lab, chosen(repository_attacks()), layers)


def line(result: Result) -> str:
    state = "held    " if result.held else "NOT HELD"
    return f"{state}  {result.attack:<34} {'; '.join(result.problems) or result.ended}"


def become(name: str) -> None:
    """Become an ordinary user, for good."""
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    words = [word for n, word in enumerate(sys.argv[1:], 1) if word != "--as" and sys.argv[n - 1] != "--as"]
    os.execv(sys.executable, [sys.executable, "-m", "tests.attacks", *words])  # which finds what this user may read


if __name__ == "__main__":
    sys.exit(main())
