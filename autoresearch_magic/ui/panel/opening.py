"""Opens the Python side of a panel: whoever shows panels begins here."""

from __future__ import annotations

import threading

from ...source.highlight import warm_up
from ...study.study import Study
from . import detail, differences, insights, markers, numbers, steering, talk, versions  # noqa: F401  each registers the messages that it answers
from .answers import PanelSession, Send


def open_session(study: Study, send: Send) -> PanelSession:
    """Return the Python side of a new panel of a study.

    Parameters
    ----------
    study : Study
    send : callable
        Sends a message to the view: a dict of plain values, and a list of buffers.
    """
    threading.Thread(target=warm_up, name="autoresearch-panel", daemon=True).start()
    return PanelSession(study, send)
