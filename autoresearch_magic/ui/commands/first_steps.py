"""How to begin, in a notebook and in a shell: the head of ``help``."""

from __future__ import annotations

from ..session import Place

FIRST_STEPS = {
    Place.MAGIC: """autoresearch: an agent edits one cell, trains for a fixed budget, keeps what helps, and repeats.

  %%autoresearch setup     frozen code: data and the evaluation function
  %%autoresearch target    the code that experiments may change
  %%autoresearch --metric NAME=EXPRESSION --budget 20s -n 24
                           the program: goal and rules in words; running this cell starts the study
  %%autoresearch --scope GLOBS --verify COMMAND [--guard COMMAND]
                           the same on the files of a git repository, measured by a command""",
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

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no improvement was shown, or chance may explain it, 4 a comparison found that B is worse.""",
}
