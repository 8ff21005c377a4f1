"""What a run has printed, and what an agent was asked and has answered."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from ...experiment import Experiment
from ...storage.journal import Journal
from ...storage.logs import archive_of, log_bytes, log_path
from ...study.study import Study
from ...text import cut_middle
from .answers import Answer, PanelSession, answers
from .detail import live_of, version

CHUNK = 64_000
"""Bytes of a log that are sent at once."""
MOST_TALK = 200_000
"""Characters of a prompt, and of a reply, that are sent."""


@answers("log")
def log(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with a part of what a run of an experiment has printed.

    ``run`` is its place among the experiment's runs, null for the run in progress or else the last one. ``from`` is where to begin, in
    bytes, null for the end; ``before`` asks for what is before a place.
    """
    study = session.study
    e = version(study, content.get("number"))
    live = live_of(study.status, e.number)
    run, running = content.get("run"), live is not None
    if run is None and running and live is not None:
        path, output = log_path(study.folder, e.number, live.kind, live.repeat), ""
        run = live.repeat
    else:
        running, run = False, len(e.measurements) - 1 if run is None else int(run)
        path = log_path(study.folder, e.number, "candidate", max(0, run))
        output = e.measurements[run].output if 0 <= run < len(e.measurements) else ""
    data, start, end, size = _part(path, content.get("from"), content.get("before"))
    if data is None:  # the log was deleted, or is on another machine: the journal has the last lines
        data, start, end, size = output.encode(), 0, 0, 0
    return {
        "type": "log", "number": e.number, "run": run, "live": running, "text": data.decode("utf-8", "replace"), "from": start, "to": end,
        "size": size, "runs": len(e.measurements),
    }  # fmt: skip


def _archived(path: Path) -> bytes:
    if (data := log_bytes(path)) is None:
        raise FileNotFoundError(path)
    return data


def _part(path: Path, start: Any, before: Any) -> tuple[bytes | None, int, int, int]:
    """Return a part of a log with its begin and end, and the log's size; no bytes where there is none."""
    try:
        with path.open("rb") if path.is_file() or archive_of(path) is None else BytesIO(_archived(path)) as file:
            size = file.seek(0, 2)
            end = size if before is None else max(0, min(size, int(before)))
            begin = max(0, end - CHUNK) if start is None else max(0, min(end, int(start)))
            begin = max(begin, end - CHUNK)
            file.seek(begin)
            data = file.read(end - begin)
    except OSError:
        return None, 0, 0, 0
    if before is None and data:  # half of a character at the end comes with the next part
        whole = len(data)
        while whole > max(0, len(data) - 4) and data[whole - 1] & 0xC0 == 0x80:
            whole -= 1
        if whole and data[whole - 1] >= 0xC0 and not _complete(data[whole - 1 :]):
            data = data[: whole - 1]
    return data, begin, begin + len(data), size


def _complete(character: bytes) -> bool:
    """Whether the bytes of a UTF-8 character are all there."""
    wanted = 2 if character[0] < 0xE0 else 3 if character[0] < 0xF0 else 4
    return len(character) >= wanted


@answers("talk", slow=True)
def talk(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with what an agent was asked for an experiment, and what it has answered."""
    e = version(session.study, content.get("number"))
    return {
        "type": "talk", "number": e.number, "prompt": cut_middle(_prompt(session.study, e), MOST_TALK),
        "reply": cut_middle(e.proposal.reply, MOST_TALK),
    }  # fmt: skip


def _prompt(study: Study, e: Experiment) -> str:
    path = study.folder / "journal.sqlite"
    if not path.is_file():
        return ""
    with Journal(path) as journal:
        return journal.prompt(e.number)
