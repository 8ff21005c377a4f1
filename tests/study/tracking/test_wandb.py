"""W&B offline. Its package has had no reader of its files in Python since 0.20, so they are read here: a log in LevelDB's format, of its own messages."""

import json
import struct

import pytest

from autoresearch_magic.study.tracking.sender import Sender
from autoresearch_magic.study.tracking.wandb import WeightsAndBiases

pytest.importorskip("wandb.proto.wandb_internal_pb2")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
BLOCK, HEADER = 32768, 7


def records(path):
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, held = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + HEADER])
        held += data[at + HEADER : at + HEADER + size]
        at += HEADER + size
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(held)
            held = b""
            yield record


def items(them):
    return {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in them}


def read(folder):
    """Return the run, its configuration, its history and its summary."""
    (path,) = folder.glob("*.wandb")
    run, config, history, summary = None, {}, [], {}
    for record in records(path):
        match record.WhichOneof("record_type"):
            case "run":
                run = record.run
                config |= items(record.run.config.update)
            case "history":
                history.append(items(record.history.item))
            case "summary":
                summary |= items(record.summary.update)
    return run, config, history, summary


def test_what_is_read_back_equals_the_journal(study, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "wb"))
    monkeypatch.setenv("WANDB_PROJECT", "ours")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    for _ in range(2):  # the second time nothing is written
        tracker = WeightsAndBiases("")
        sender = Sender(study, tracker, "wandb", lambda report: None)
        sender.pass_over(last=True)
        folders = sorted((tmp_path / "wb" / "wandb").glob("offline-run-*"))
        assert len(folders) == len(study.experiments)
    sender.end("finished", "")
    for e, folder in zip(study.experiments, folders, strict=True):
        run, config, history, summary = read(folder)
        assert (run.project, run.run_group, run.job_type) == ("ours", "night", "experiment")
        assert [*run.tags] == [str(e.verdict)]
        assert summary.get("loss") == e.value
        assert (summary["verdict"], summary["reason"]) == (str(e.verdict), e.reason)
        assert [row["runs/value"] for row in history if "runs/value" in row] == [
            m.value for m in e.measurements if m.value is not None
        ]
        for n, m in enumerate(e.measurements):
            for name in m.curve[0].values if m.curve else ():
                key = f"curve/{name}" if n == 0 else f"curve/{name} run {n + 1}"
                assert [(row["step"], row[key]) for row in history if key in row] == [
                    (p.step, p.values[name]) for p in m.curve
                ]
        files = folder / "files"
        assert (files / "source.py").read_text() == e.target
        assert (files / "change.diff").exists() == (e.number > 0)
        if e.number < 3:
            assert config["X"] == {0: 3.0, 1: 2.0, 2: 2.5}[e.number]
            assert "a line of the log" in (files / "log.txt").read_text()
    (whole,) = (tmp_path / "wb" / "wandb").glob("offline-run-*-study")
    _, _, history, summary = read(whole)
    assert [(row["experiment"], row.get("value")) for row in history] == [
        (e.number, e.value) for e in study.experiments
    ]
    assert summary["confirmed/gain"] == study.headline.gain
