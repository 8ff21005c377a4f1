"""Carry out a task of a driven study in a process of its own, which outlives the shell that asked for it.

`spawn` starts it with the task on its standard input; what it prints goes into the study's folder. ``python -m autoresearch_magic.ui.background
FOLDER`` is the other side.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UserCodeError, UserError
from ..storage.journal import Journal
from ..study.opening import open_study
from ..study.study import Study
from ..study.tasks import What, last_task
from .driving import Show, Version, carry_out_begin, carry_out_finish, carry_out_try
from .exit_codes import FAILED
from .progress_bar import terminal_bar
from .reply import Reply
from .session import Place
from .wording import for_shell

PATIENCE = 60.0
"""Seconds within which the process must have begun."""

LOG = "background.log"
"""Its output, in the folder of the study's logs."""


def spawn(study: Study, what: What, version: Version | None = None) -> int:
    """Start a process for a task, and return its number when it has begun.

    Raises
    ------
    UserError
        When it could not begin.
    """
    log = study.folder / "logs" / LOG
    log.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryFile() as given, log.open("wb") as output:
        given.write(json.dumps({"what": what, "version": asdict(version) if version else None}).encode())
        given.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "autoresearch_magic.ui.background", str(study.folder)], stdin=given, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + PATIENCE
    while process.poll() is None:
        with Journal(study.folder / "journal.sqlite") as journal:
            if (task := last_task(journal)) is not None and task.pid == process.pid:
                return process.pid
        if time.monotonic() > end:
            raise UserError(f"The process {process.pid} has not begun in {PATIENCE:.0f} s: see {log}")
        time.sleep(0.05)
    with Journal(study.folder / "journal.sqlite") as journal:
        if (task := last_task(journal)) is not None and task.pid == process.pid:
            return process.pid  # it has ended already
    said = log.read_text("utf-8", "replace").strip().splitlines()
    raise UserCodeError(
        said[-1].removeprefix("autoresearch: ") if said else f"The process ended with exit code {process.returncode}."
    )


def main() -> int:
    """Carry out the task on the standard input for the study in the folder that is named; return the exit code."""
    job = json.load(sys.stdin)
    bar = terminal_bar()
    try:
        reply = _carry_out(open_study(Path(sys.argv[1])), job, bar.show)
    except UserError as error:
        if isinstance(error, UserCodeError) and error.traceback:
            print(error.traceback, file=sys.stderr)
        print(f"autoresearch: {for_shell(str(error))}", file=sys.stderr)
        return FAILED
    finally:
        bar.close()
    print(for_shell(reply.as_text()))
    return reply.exit_code


def _carry_out(study: Study, job: Mapping[str, Any], show: Show) -> Reply:
    match job["what"]:
        case "begin":
            return carry_out_begin(study, show, Place.SHELL)
        case "finish":
            return carry_out_finish(study, show, Place.SHELL)
        case _:
            return carry_out_try(study, Version.from_json(job["version"]), show, Place.SHELL)


if __name__ == "__main__":
    sys.exit(main())
