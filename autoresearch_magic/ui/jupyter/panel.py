"""The live panel as a widget: `ui.panel` answers, the widget carries the messages.

While a cell of ours blocks the kernel, answers are sent unasked.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from typing import Any

import anywidget

from ...study.study import Study
from ...study.summary import result_line
from ..panel.assets import page_script, page_style
from ..panel.opening import open_session
from .comms import answer_in_asking_thread

PANEL_TYPE = "application/vnd.autoresearch.panel+json"
"""What our JupyterLab extension shows where the widget's model is gone: the name of the study and a summary."""


class Panel(anywidget.AnyWidget):  # type: ignore[misc]
    """A study's panel.

    Parameters
    ----------
    study : Study
    """

    _esm = page_script()
    _css = page_style()

    def __init__(self, study: Study) -> None:
        super().__init__()
        self._study = study
        self.session = open_session(study, self._pass_on)
        self.heard: float | None = None  # when a page asked last
        self.on_msg(self._on_message)
        answer_in_asking_thread(self.comm)
        _panels.setdefault(study, weakref.WeakSet()).add(self)

    def _on_message(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        self.heard = time.monotonic()
        self.session.take(content)

    def _pass_on(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.send(content, buffers)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            # Shown in a saved notebook where widgets are not; the picture is below it.
            data["text/plain"] = f"Live panel of {self._study.name}"
            data[PANEL_TYPE] = {
                "study": self._study.name, "summary": result_line(self._study.status), "model_id": self.model_id,
            }  # fmt: skip
        return bundle


_panels: weakref.WeakKeyDictionary[Study, weakref.WeakSet[Panel]] = weakref.WeakKeyDictionary()


def push_updates(study: Study) -> None:
    """Update a study's panels while a cell blocks the kernel, where requests cannot come in."""
    for panel in list(_panels.get(study, ())):
        panel.session.push_updates()


def heard_last() -> Iterator[tuple[Study, float]]:
    """Yield each study whose panels have asked anything, and when they did so last."""
    for study, panels in list(_panels.items()):
        if heard := [panel.heard for panel in list(panels) if panel.heard is not None]:
            yield study, max(heard)
