"""The picture below the panel: a plain PNG, so that a saved notebook shows its result where no kernel runs."""

from __future__ import annotations

import contextvars
import weakref

from IPython.display import DisplayHandle

from ...events import Drawn, Event
from ...study.study import Study
from ...study.summary import result_line

WIDTH = 760
"""Pixels on the page; the file has more, for sharp screens."""

_posters: weakref.WeakKeyDictionary[Study, Poster] = weakref.WeakKeyDictionary()


class Poster:
    """Keeps one display of a study's progress.png up to date: at each best and at the end.

    Updates come from the study's thread. They are sent with the context of the cell that made the display, so that
    they belong to it.
    """

    def __init__(self, study: Study) -> None:
        self._study = weakref.ref(study)
        self._context = contextvars.copy_context()
        self._handle = DisplayHandle()
        self._best: int | None = None
        self._handle.display(self._bundle(study), raw=True, metadata=_METADATA)
        _posters[study] = self
        study.observe(self)

    def __call__(self, event: Event) -> None:
        """Take an event; runs in the study's thread."""
        study = self._study()
        if study is None or not isinstance(event, Drawn):
            return
        best = study.incumbent.number if study.incumbent else None
        if best != self._best or event.last:
            self._best = best
            self._context.copy().run(self.update, study)

    def update(self, study: Study) -> None:
        """Show the picture as it is on disk."""
        self._handle.update(self._bundle(study), raw=True, metadata=_METADATA)

    def _bundle(self, study: Study) -> dict[str, object]:
        picture = study.folder / "progress.png"
        line = f"{study.name}: {result_line(study.status)}"
        if not picture.is_file():
            return {"text/plain": f"{study.name}: the picture appears here with the baseline."}
        return {"text/plain": line, "image/png": picture.read_bytes()}


_METADATA = {"image/png": {"width": WIDTH}}


def refresh(study: Study) -> None:
    """Show the picture again from the main thread: in a notebook run without a browser only that is saved."""
    if (poster := _posters.get(study)) is not None:
        poster.update(study)
