"""How to begin, in a notebook and in a shell: the head of ``help``, and the themes under which it lists the commands."""

from __future__ import annotations

from collections.abc import Collection

from ..session import Place

FIRST_STEPS = {
    Place.MAGIC: """autoresearch: an agent edits one cell, trains for a fixed budget, keeps what helps, and repeats.

  %%autoresearch setup     frozen code: data and the evaluation function
  %%autoresearch target    the code that experiments may change
  %%autoresearch --metric NAME=EXPRESSION --budget 20s -n 24
                           the program: goal and rules in words; running this cell starts the study
  %%autoresearch --scope GLOBS --verify COMMAND [--guard COMMAND]
                           the same on the files of a git repository, measured by a command
  %%autoresearch try SUMMARY
                           your own version of the target, run, judged and recorded like any other

Who proposes: --agent tuner (offline, the default), claude and other models, or a coding agent that edits files, such as
claude-code and codex; %autoresearch agents lists all.""",
    Place.SHELL: """usage: autoresearch [--root FOLDER] COMMAND ...
       autoresearch --version

  autoresearch run NOTEBOOK.ipynb            run all cells of a notebook, with a progress bar
  autoresearch run PROGRAM.md --target FILE  run a study on a file
  autoresearch run PROGRAM.md --scope GLOBS --verify COMMAND
                                             run a study on the files of a git repository
  autoresearch run PROGRAM.md                either, when PROGRAM.md says which, or lies beside train.py and
                                             prepare.py or a folder train/ with them
  autoresearch init TEMPLATE [FOLDER]        begin with a copy of an example
  autoresearch plan "GOAL" --agent claude    let an agent write a program for a goal in plain words

With a coding agent (Claude Code, Codex, Gemini CLI, OpenCode, Aider, Cursor), in two directions:
  autoresearch run PROGRAM.md --agent codex  it proposes, by editing files in a folder of its own;  autoresearch agents  lists them
  autoresearch skill install                 it drives: it learns to have each of its edits measured and judged

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no improvement was shown, or chance may explain it, 4 a comparison found that B is worse.""",
}

_DRIVING = "Your own versions, or those of a coding agent that drives"

THEMES = {
    "Define and start": ("setup", "target", "program", "start", "run", "plan", "skills", "skill", "init"),
    "While it runs": ("status", "watch", "wait", "say", "pause", "resume", "step", "stop"),
    _DRIVING: ("begin", "try", "finish", "skill", "mcp"),
    "What agents know": ("agents", "ideas", "import", "briefing"),
    "What was found": ("history", "show", "diff", "best", "evals", "regression", "ablate", "again"),
    "Take results out": ("use", "restore", "branch", "apply", "report", "export", "track"),
    "This machine": ("doctor", "repair", "help"),
}
"""The commands by theme, in the order of help."""

_ELSEWHERE = {(Place.MAGIC, _DRIVING, "skill"), (Place.SHELL, "Define and start", "skill")}
"""Where a command that is another thing in a notebook than in a shell does not belong."""


def by_theme(place: Place, names: Collection[str]) -> dict[str, list[str]]:
    """Return the commands of a place by theme; those without a theme come last."""
    themes = {
        theme: [name for name in members if name in names and (place, theme, name) not in _ELSEWHERE]
        for theme, members in THEMES.items()
    }
    placed = {name for members in themes.values() for name in members}
    themes["More"] = [name for name in names if name not in placed]
    return {theme: members for theme, members in themes.items() if members}
