"""Go on with a study in a process of its own, for those who only watch it: it outlives their end.

`launcher` returns what a watched study gets as its `launcher`. ``python -m autoresearch_magic.ui.launch FOLDER`` is the other side, which reads
what to do from its standard input; what it prints goes into the study's folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserCodeError, UserError
from ..study.background import Launcher
from ..study.opening import open_study
from ..study.study import Study
from .exit_codes import FAILED
from .outcome import outcome_reply
from .progress_bar import follow, terminal_bar
from .wording import for_shell

PATIENCE = 60.0
"""Seconds within which the process must have begun."""

LOG = "background.log"
"""Its output, in the folder of the study's logs."""


def launcher(study: Study) -> Launcher:
    """Return a function that goes on with a study in another process, and returns when it has begun.

    It raises a `UserError` when the process could not begin.
    """

    def launch(settings: Mapping[str, Any], allowed: int | None, again: int | None) -> None:
        log = study.folder / "logs" / LOG
        log.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryFile() as given, log.open("wb") as output:
            given.write(json.dumps({"settings": dict(settings), "allowed": allowed, "again": again}).encode())
            given.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "autoresearch_magic.ui.launch", str(study.folder)], stdin=given, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        threading.Thread(
            target=process.wait, name="autoresearch-launched", daemon=True
        ).start()  # it is reaped when it ends
        end = time.monotonic() + PATIENCE
        while process.poll() is None:
            told = study.refresh().status.elsewhere
            if told is not None and told.pid == process.pid:
                return
            if time.monotonic() > end:
                raise UserError(f"The process {process.pid} has not begun in {PATIENCE:.0f} s: see {log}")
            time.sleep(0.1)
        if process.returncode == FAILED or not study.refresh().experiments:
            said = log.read_text("utf-8", "replace").strip().splitlines()
            raise UserCodeError(
                said[-1].removeprefix("autoresearch: ") if said else f"The process ended with exit code {process.returncode}."
            )  # fmt: skip

    return launch


def main() -> int:
    """Go on with the study in the folder that is named, to its end; return the exit code."""
    job = json.load(sys.stdin)
    try:
        study = open_study(Path(sys.argv[1]))
        if job["again"] is not None:
            study.run_again(job["again"])
        else:
            begin = study.step if job["allowed"] == 1 else study.resume
            begin(**job["settings"])
    except UserError as error:
        print(f"autoresearch: {for_shell(str(error))}", file=sys.stderr)
        return FAILED
    follow(study, terminal_bar(), to_end=True)
    print(for_shell(outcome_reply(study).as_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
