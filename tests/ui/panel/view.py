"""A view without a page: it takes what the Python side of a panel sends, and knows what the next pull says."""

import json
import shutil
import struct
import subprocess

import numpy as np
import pytest

from autoresearch_magic.ui.panel import gains
from autoresearch_magic.ui.panel.assets import page_script
from autoresearch_magic.ui.panel.delta import Feed

SIZES = {"<f8": 8, "<f4": 4, "<i4": 4, "<u2": 2, "u1": 1}


class View:
    """What a view of a study knows."""

    def __init__(self, study, epoch="e"):
        self.feed = Feed(study, epoch)
        self.known = {"epoch": epoch}
        self.facts, self.rows, self.gains = {}, {}, []
        self.sizes = []  # of each answer in bytes

    def pull(self):
        """Ask until there is nothing more, and return the last answer."""
        while True:
            content, buffers = self.feed.answer(self.known)
            self.take(content, buffers)
            if not content.get("more"):
                return content

    def take(self, content, buffers):
        text = json.dumps(content, allow_nan=False)
        self.sizes.append(len(text) + sum(map(len, buffers)))
        content, buffers = json.loads(text), list(buffers)
        if (facts := content.get("facts")) is not None:
            if content["base"] is None:
                self.facts = facts
            for name, value in facts.items():
                parts = isinstance(value, dict) and isinstance(self.facts.get(name), dict)
                self.facts[name] = {**self.facts[name], **value} if parts else value
        self.known["seen"] = content["stamp"]
        if (rows := content.get("rows")) is not None:
            self._take_rows(rows, buffers.pop(0))
        if (new := content.get("gains")) is not None:
            table = np.frombuffer(buffers[0][: 20 * new["rows"]], "<f4").reshape(5, -1)
            self.gains = [(*table[:, n].tolist(), buffers[0][20 * new["rows"] + n]) for n in range(new["rows"])]
            self.known["gains"] = new["state"]
            buffers.pop(0)
        if (texts := content.get("texts")) is not None:
            each = dict(enumerate(texts["rows"], texts["from"])) | {int(n): text for n, text in texts["again"].items()}
            for number, text in each.items():
                self.rows[number] |= dict(zip(("summary", "reason", "cause"), [*text, "", "", ""], strict=False))
            low, high = self.known.get("texts") or (texts["from"],) * 2
            end = texts["from"] + len(texts["rows"])
            self.known["texts"] = [min(low, texts["from"]), max(high, end)]
        if (curve := content.get("curve")) is not None:
            self.points = list(struct.iter_unpack("<ff", buffers[0]))
            self.beside = list(struct.iter_unpack("<ff", buffers[1]))
            self.known["curve"] = {**curve, "points": curve["from"] + curve["count"]}

    def _take_rows(self, rows, buffer):
        numbers, at = [*rows["again"], *range(rows["from"], rows["to"])], 0
        for number in numbers:
            self.rows.setdefault(number, {})
        for name, kind in rows["columns"]:
            column = np.frombuffer(buffer, kind, len(numbers), at)
            at += SIZES[kind] * len(numbers)
            for number, value in zip(numbers, column.tolist(), strict=True):
                self.rows[number][name] = value
        for number in numbers:
            self.rows[number]["verdict"] = rows["verdicts"][self.rows[number]["verdict"]]
            self.rows[number]["agent"] = rows["agents"][self.rows[number]["agent"]]
        self.known |= {"since": rows["to"], "revision": rows["revision"]}


@pytest.fixture
def patient(monkeypatch):
    """Answers wait for the gains as long as they take."""
    monkeypatch.setattr(gains, "PATIENCE", 60)


def in_node(script, folder):
    """Append a script to the panel's modules, run it in node, and return the JSON that it prints."""
    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    code = page_script()
    path = folder / "panel.mjs"
    path.write_text(code.replace("export default { render };", script), "utf-8")
    done = subprocess.run(["node", str(path)], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)
