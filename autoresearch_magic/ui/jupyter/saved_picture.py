"""The PNG below the panel: a plain picture, so that a saved notebook shows its result where no kernel runs."""

from __future__ import annotations

import contextvars
import weakref
from importlib.util import find_spec

from IPython.display import DisplayHandle

from ...events import Drawn, Event
from ...study.study import Study
from ...study.summary import result_line

WIDTH = 760
"""Pixels on the page; the file has more, for high-resolution screens."""
_METADATA = {"image/png": {"width": WIDTH}}

_pictures: weakref.WeakKeyDictionary[Study, SavedPicture] = weakref.WeakKeyDictionary()


class SavedPicture:
    """A display of a study's progress.png that is updated at each new best and at the end.

    The updates come from the study's thread. They run in the context of the cell that made the display, because the front
    end assigns messages to the cell whose context they carry.
    """

    def __init__(self, study: Study) -> None:
        self._study = weakref.ref(study)
        self._context = contextvars.copy_context()
        self._handle = DisplayHandle()
        self._best: int | None = None
        self._handle.display(self._bundle(study), raw=True, metadata=_METADATA)
        _pictures[study] = self
        study.observe(self)

    def __call__(self, event: Event) -> None:
        """Take an event; called in the study's thread."""
        study = self._study()
        if study is None or not isinstance(event, Drawn):
            return
        best = study.status.incumbent.number if study.status.incumbent else None
        if best != self._best or event.last:
            self._best = best
            self._context.copy().run(self.update, study)

    def update(self, study: Study) -> None:
        """Show the file as it is now."""
        self._handle.update(self._bundle(study), raw=True, metadata=_METADATA)

    def _bundle(self, study: Study) -> dict[str, object]:
        file = study.folder / "progress.png"
        if not file.is_file() and find_spec("matplotlib") is None:
            return {"text/plain": f"{study.name}: there is no picture without matplotlib: pip install matplotlib"}
        if not file.is_file():
            return {"text/plain": f"{study.name}: the picture appears here when the baseline is measured."}
        return {"text/plain": f"{study.name}: {result_line(study.status)}", "image/png": file.read_bytes()}


def update_picture(study: Study) -> None:
    """Update a study's picture from the main thread: a notebook that runs without a browser saves only such updates."""
    if (picture := _pictures.get(study)) is not None:
        picture.update(study)
