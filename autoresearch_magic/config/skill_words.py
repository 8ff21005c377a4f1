"""The other commands of the generalised autoresearch skill, and what stands for each of them here.

Of the skill's commands a program can hold the loop alone, ``/autoresearch``; the others are commands or templates of ours.
"""

from __future__ import annotations


def _template(name: str, what: str) -> str:
    return (
        f"the template {name} {what}: {name} is a name for the command skill in a notebook, and for init in a terminal"
    )


COUNTERPARTS = {
    "plan": 'the command  plan "GOAL"  drafts a program for a goal in plain words',
    "probe": 'the command  plan "GOAL"  drafts a program, and asks nothing: change what it guessed',
    "improve": 'the command  plan "GOAL"  drafts a program for one improvement that a number can measure',
    "predict": "the command  plan  measures before a start how long a study takes, what it costs and what it can detect",
    "evals": "the command  evals  analyzes a study, or a results table: evals RESULTS.tsv",
    "regression": "the command  regression A B  compares two experiments, or two git refs with a verify command",
    "ship": "the command  apply  commits the best version to your branch; nothing is pushed or deployed",
    "fix": _template("fix", "makes failing checks pass"),
    "debug": _template("fix", "works once a failing check shows the bug"),
    "security": _template("security", "removes a scanner's findings"),
    "scenario": _template("coverage", "writes tests for the cases that none covers"),
    "learn": "there is no counterpart, because documentation has no number; with one, the loop /autoresearch can improve it",
    "reason": "there is no counterpart, because a debate has no number; "
    + _template("prompt", "improves a text that examples score"),
}
"""By the skill's command, what stands for it here."""


def counterpart(name: str) -> str:
    """Return in one sentence what stands for a command of the skill here; empty for a name that is none of them."""
    return f"{name} is a command of the autoresearch skill; here, {COUNTERPARTS[name]}." if name in COUNTERPARTS else ""
