"""The sections of a report that say how it was found: what it cost, the settings, the command, versions and seeds, how is judged."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from importlib import metadata
from pathlib import Path

from ... import __version__
from ...agents.editing.accounting import accounting
from ...agents.llm.prices import PRICES_AS_OF
from ...agents.me import NAME as DRIVEN
from ...budget import format_duration
from ...config.option_words import option_words
from ...config.settings import FIELDS, Settings
from ...errors import UserError
from ...source.edits import imported_modules
from ...source.files import is_bundle, split
from ...storage.journal import Journal
from ...text import counted
from ..definition import Definition
from ..sealed import NAME as SEALED
from ..status import StudyStatus
from .code import code, difference
from .markup import Html, Part, join, tag
from .results import table

SHOWN = 200_000
"""Characters of a program and of a target that are in the report."""
OUR_LIBRARIES = ("numpy", "optuna", "scipy")
"""Libraries that judge and tuner use."""


def ours() -> str:
    """Return the name and the version of this package; a checkout that is not installed has none."""
    return "autoresearch-magic" if __version__ == "0" else f"autoresearch-magic {__version__}"


# -- what it cost -------------------------------------------------------------------------------------------------------


def spent(status: StudyStatus) -> Html:
    """Return experiments, time, tokens and money, each against its limit."""
    s, used = status.settings, status.usage
    rows: list[list[Part]] = [
        ["Experiments that were run", f"{status.done:,}", f"{s.planned:,}" if s.planned else "none"],
        ["Time at work", _time(status.elapsed), _time(s.time_limit) if s.time_limit else "none"],
    ]
    seconds = sum(each for _, each in status.runs)
    final = [each for kind, each in status.runs if kind == "final"]
    rows.append(["Runs", f"{len(status.runs):,}, {_time(seconds)}", "\u2013"])
    if final:
        rows.append(["of these to measure best and baseline again", f"{len(final):,}, {_time(sum(final))}", "\u2013"])
    if used.calls or used.tokens or used.cost or s.max_tokens is not None or s.max_cost is not None:
        told = accounting(s.agent)
        by = "by its own account" if told is not None and told.cost == "agent" else f"at list prices of {PRICES_AS_OF}"
        tokens = f"{used.tokens:,} ({used.input + used.cached + used.written:,} in, {used.cached:,} of them cached; {used.output:,} out)"
        rows += [
            ["Calls of the agent", f"{used.calls:,}, {_time(used.seconds)}", "\u2013"],
            ["Tokens", tokens if used.tokens else "not known", f"{s.max_tokens:,}" if s.max_tokens is not None else "none"],
            ["Cost", "not known" if used.cost is None else f"${used.cost:.2f} {by}", f"${s.max_cost:.2f}" if s.max_cost is not None else "none"],
        ]  # fmt: skip
    else:
        rows.append(["Agent", f"{s.agent}: no calls, no tokens, no cost", "\u2013"])
    return table(["", "used", "limit"], rows)


def _time(seconds: float | None) -> str:
    return format_duration(max(0.1, round(seconds or 0.0, 1)))


# -- the code -----------------------------------------------------------------------------------------------------------


def final_code(status: StudyStatus) -> Html:
    """Return the best version, and what differs between it and the baseline."""
    best, baseline = status.incumbent, status.baseline
    if best is None or baseline is None:
        return tag("p", "There is no measured version.")
    parts: list[Part] = []
    if best.number > 0:
        more = f"%autoresearch diff 0 {best.number}"
        found = difference(baseline.target, best.target, "From the baseline to the best", more)
        parts.append(tag("details", tag("summary", "From the baseline to the best, in one"), found))
    what = f"The best version, experiment {best.number}" if best.number else "The baseline, which is the best version"
    if len(best.target) > SHOWN:
        parts.append(
            tag("p", f"The code of the best version has {len(best.target):,} characters, and is not in this file.")
        )
    else:
        of = f" ({counted(len(split(best.target)), 'file')})" if is_bundle(best.target) else ""
        parts.append(tag("details", tag("summary", what + of), code(best.target, what)))
    if best.commit:
        parts.append(tag("p", "Its commit: ", tag("code", best.commit), class_="quiet"))
    return join(parts)


def program(status: StudyStatus) -> Html:
    """Return the program: what was asked."""
    words = status.definition.program.text
    cut = words[:SHOWN]
    return tag(
        "details", tag("summary", "What was asked: the program"),
        tag("div", tag("pre", cut, "\u2026" if len(words) > SHOWN else None, class_="code plain wrapped"), class_="scroll", tabindex="0",
            role="region", aria_label="The program"),
    )  # fmt: skip


# -- settings -----------------------------------------------------------------------------------------------------------


def settings(status: StudyStatus) -> Html:
    """Return the settings as options, and how to start the same study again."""
    definition = status.definition
    rows: list[list[Part]] = []
    for words in option_words(_portable(definition.settings, status.folder)):
        name, _, value = words.partition("=") if "=" in words.split(" ")[0] else words.partition(" ")
        field = FIELDS.get(name.lstrip("-").removeprefix("no-").replace("-", "_")) or FIELDS.get(
            name.lstrip("-").replace("-", "_")
        )
        helped = str(field.metadata.get("help", "")) if field is not None else _DIRECTIONS.get(name, "")
        rows.append([tag("code", name), tag("code", value) if value else "", helped])
    where, lines = again(definition, status.folder)
    return join(
        tag("p", status.settings.describe(), "."),
        table(["option", "value", "what it says"], rows, long=2),
        tag("p", "Every other option has its default.", class_="quiet"),
        tag("h3", "The same study again"),
        tag("p", where),
        tag("div", tag("pre", tag("code", lines), class_="code plain wrapped"), class_="scroll", tabindex="0", role="region", aria_label="How to start it again"),
    )  # fmt: skip


_DIRECTIONS = {"--minimize": "lower values are better", "--maximize": "higher values are better"}


def again(definition: Definition, folder: Path) -> tuple[str, str]:
    """Return where to type what to start the same study again, and the lines to type.

    Parameters
    ----------
    definition : Definition
    folder : Path
        The study's.
    """
    base = folder.absolute().parent.parent  # where .autoresearch lies
    words = option_words(_portable(definition.settings, folder))
    path = definition.program.path
    sealed = definition.sealed_path or (folder / SEALED if definition.sealed_mark else None)
    own = sealed if not definition.settings.sealed else None  # else it is among the settings
    files = [("--target", definition.target_path), ("--setup", definition.setup_path), ("--sealed", own)]
    if definition.checkout is not None or definition.target_path is not None:
        named = [f"{option} {shlex.quote(_below(file, base))}" for option, file in files if file is not None]
        verb = "begin" if definition.settings.agent == DRIVEN else "run"
        program_file = shlex.quote(_below(path, base)) if path is not None else "PROGRAM.md"
        where = "In a shell, in the folder where the study was started"
        if definition.checkout is not None:
            where += f", with commit {definition.checkout.commit[:10]} checked out"
        where += "" if path is not None else "; PROGRAM.md is a file with the program from the top of this page"
        return f"{where}:", " \\\n    ".join([f"autoresearch {verb} {program_file}", *named, *words])
    start = f"%%autoresearch {' '.join(words)}\n{definition.program.text}"
    setup = [f"%%autoresearch setup\n{definition.setup.strip()}"] if definition.setup.strip() else []
    if definition.setup_path is not None:
        setup = [f"%autoresearch setup {shlex.quote(_below(definition.setup_path, base))}"]
    if own is not None:
        setup = [*setup, f"%autoresearch setup {shlex.quote(_below(own, base))} --sealed"]
    cells = ["%load_ext autoresearch_magic", *setup, f"%%autoresearch target\n{definition.target.strip()}", start]
    if len(lines := "\n\n".join(cells)) > SHOWN:
        cells = [
            cell if len(cell) < 2_000 else f"{cell.partition(chr(10))[0]}\n(the code of this cell)" for cell in cells
        ]
        lines = "\n\n".join(cells)
    return (
        "In a notebook, one cell each;  %autoresearch export again.ipynb  makes a notebook of them, with the best version:",
        lines,
    )


def _portable(found: Settings, folder: Path) -> Settings:
    """Return settings without the paths of this machine."""
    if found.repo:
        base = folder.absolute().parent.parent
        return replace(found, repo=_below(Path(found.repo).expanduser().absolute(), base))
    return found


def _below(path: Path, base: Path) -> str:
    """Return a path as seen from a folder."""
    try:
        return Path(os.path.relpath(path.absolute(), base)).as_posix()
    except ValueError:  # another drive
        return path.name


# -- versions -----------------------------------------------------------------------------------------------------------


def versions(status: StudyStatus) -> Html:
    """Return versions, commits, seeds and dates."""
    definition, best = status.definition, status.incumbent
    facts: list[tuple[str, Part]] = [("Study", status.name), *_dates(status)]
    facts.append(("autoresearch-magic", __version__ if __version__ != "0" else "a checkout that is not installed"))
    facts.append(("Python", f"{platform.python_version()} ({sys.implementation.name})"))
    facts.append(
        (
            "Platform",
            f"{platform.system()} {platform.release()}, {platform.machine()}, {counted(os.cpu_count() or 1, 'core')}",
        )
    )
    for name, version in libraries(definition):
        facts.append((name, version))
    if (checkout := definition.checkout) is not None and checkout.commit:
        facts.append(("Commit that the study began with", tag("code", checkout.commit)))
    if best is not None and best.commit:
        facts.append(("Commit of the best version", tag("code", best.commit)))
    s = status.settings
    seeds = [m.seed for e in status.experiments for m in e.measurements]
    facts.append(("Seed of the study", str(s.seed)))
    if status.baseline is not None and seeds:
        shown = ", ".join(str(m.seed) for m in status.baseline.measurements[:12])
        facts.append(
            ("Seeds of the baseline's runs", shown + (", \u2026" if len(status.baseline.measurements) > 12 else ""))
        )
        if best is not None and best.number:
            facts.append(
                ("Seeds of the best's runs in the search", ", ".join(str(m.seed) for m in best.measurements[:12]))
            )
    return join(
        tag("dl", (tag("div", tag("dt", a), tag("dd", b)) for a, b in facts), class_="facts"),
        tag(
            "p", "Python, platform and libraries are those of the machine and the time of this report.", class_="quiet"
        ),
    )


def _dates(status: StudyStatus) -> Iterator[tuple[str, str]]:
    if status.experiments and (path := status.folder / "journal.sqlite").is_file():
        try:
            with Journal(path) as journal:
                first, last = (journal.judged_at(e.number) for e in (status.experiments[0], status.experiments[-1]))
        except UserError:
            return
        if first and last:
            yield "First and last verdict", f"{_date(first)} to {_date(last)}"
    yield "This report", _date(None)


def _date(seconds: float | None) -> str:
    moment = (datetime.now() if seconds is None else datetime.fromtimestamp(seconds)).astimezone()
    return f"{moment:%Y-%m-%d %H:%M} UTC{moment:%z}"


def libraries(definition: Definition) -> list[tuple[str, str]]:
    """Return name and version of the installed libraries that setup and target import, and of those that agents use."""
    sources = [definition.setup, definition.target]
    texts = [t for source in sources for t in (split(source).values() if is_bundle(source) else [source])]
    wanted = {name.partition(".")[0] for words in texts[:200] for name in _imported(words)} - {"autoresearch_magic"}
    wanted -= set(sys.stdlib_module_names)
    provided = metadata.packages_distributions() if wanted else {}
    names = {each for module in wanted for each in provided.get(module, ())} | set(OUR_LIBRARIES)
    found = []
    for name in sorted(names, key=str.lower):
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return found


def _imported(source: str) -> list[str]:
    try:
        return imported_modules(source)
    except (SyntaxError, ValueError, UserError):  # not Python
        return []


# -- the judge ----------------------------------------------------------------------------------------------------------


def judge(status: StudyStatus) -> Html:
    """Return how the judge decides, in three sentences."""
    if status.settings.judge == "strict":
        first = "This study ran with --judge strict: any better value is kept, as in the original."
    else:
        first = (
            "From the noise of all runs and from what this study's proposals have done so far, the judge works out what a version is expected "
            "to gain; it keeps what is expected to be better than the best so far, and runs it or the best once more where that is worth more than a new proposal."
        )  # fmt: skip
    return join(
        tag("p", first, " A keep is called proven when the chance that it is better is at least 99%, and more than the run it was kept for says so. "
            "At the end, best and baseline are measured again on fresh seeds, and that comparison is the result; the best value "
            "that was ever seen is not."),
        tag("p", "More: docs/judge.md and docs/architecture.md of autoresearch-magic.", class_="quiet"),
    )  # fmt: skip
