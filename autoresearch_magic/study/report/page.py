"""The report as one HTML document."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ...text import shorten
from ..view import StudyView
from . import circumstances, results
from .chart import chart
from .markup import Html, tag
from .numbers import number_charts

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What the page may load or run: nothing. So a browser keeps it to that also if something in it were not escaped."""


def html_report(study: StudyView) -> str:
    """Return the report of a study as an HTML document that needs nothing else."""
    status = study.status
    found = study.evals()
    account = study.pruning if status.experiments else None
    spared = [str(account)] if account and account.stopped + account.audits else []
    spared += [str(each) for each in study.staging if each.runs]
    title = shorten(status.definition.program.title or status.name, 200)
    sections: list[tuple[str, str, Html | None]] = [
        ("kept", "What was kept", results.ladder(status) if status.experiments else None),
        ("close", "Near misses", results.near_misses(status)),
        ("failed", "What failed", results.failures(status, found)),
        ("insights", "What the history says", results.insights(found, "; ".join(spared))
            if len(status.experiments) > 1 else None),
        ("spent", "Time, tokens and cost", circumstances.spent(status)),
        ("code", "The best version", circumstances.final_code(status) if status.experiments else None),
        ("experiments", "All experiments", results.all_experiments(status) if status.experiments else None),
        ("settings", "Settings, and how to run it again", circumstances.settings(status)),
        ("versions", "Versions, commits and seeds", circumstances.versions(status)),
        ("judge", "How the judge decides", circumstances.judge(status)),
    ]  # fmt: skip
    there = [("result", "The result"), *((key, name) for key, name, inside in sections if inside)]
    nav = tag(
        "nav", tag("ol", (tag("li", tag("a", name, href=f"#{key}")) for key, name in there)), aria_label="Contents"
    )
    n_study = f"Study {status.name} \u00b7 {status.doing} \u00b7 agent {status.settings.agent}"
    body = tag(
        "body",
        tag("a", "To the report", href="#result", class_="skip"),
        tag("header", tag("p", n_study, class_="eyebrow"), tag("h1", title)),
        nav,
        tag(
            "main",
            tag("section", tag("h2", "The result"), results.headline(status), results.tiles(status), chart(status),
                number_charts(status), results.other_numbers(status), circumstances.program(status), id="result"),
            (tag("section", tag("h2", name), inside, id=key) for key, name, inside in sections if inside),
        ),
        tag("footer", f"Made by {circumstances.ours()}. This file needs nothing else: it loads nothing and runs nothing."),
    )  # fmt: skip
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} \u2013 report of {status.name}"),
        tag("style", Html(_style())),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


@cache
def _style() -> str:
    """Return the style sheet, without comments and indentation."""
    words = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    return re.sub(r"\n\s*", "\n", re.sub(r"/\*.*?\*/", "", words, flags=re.DOTALL)).strip()
