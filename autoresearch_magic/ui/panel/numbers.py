"""The numbers besides the metric that the chart of all experiments can show (``--also``, ``--limit``)."""

from __future__ import annotations

import math
from array import array
from typing import Any

from ...study.shown_numbers import shown_numbers
from ...study.study import Study
from .answers import Answer, PanelSession, answers


@answers("numbers", slow=True)
def answer(session: PanelSession, content: dict[str, Any]) -> Answer:
    """Answer with the numbers of all experiments."""
    return numbers(session.study)


def numbers(study: Study) -> tuple[dict[str, Any], list[bytes]]:
    """Return the names with their limits; the numbers of the experiments and a column for each name, as 64-bit floats, NaN for none."""
    experiments = study.status.experiments
    shown = shown_numbers(study.settings, experiments)
    columns = [[math.nan if (v := n.value(e)) is None else v for e in experiments] for n in shown]
    buffers = [array("i", [e.number for e in experiments]).tobytes(), *(array("d", each).tobytes() for each in columns)]
    return {
        "type": "numbers",
        "names": [n.name for n in shown],
        "limits": [[*map(list, n.limits)] for n in shown],
    }, buffers
