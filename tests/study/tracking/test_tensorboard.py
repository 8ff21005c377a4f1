import math

import pytest

from autoresearch_magic.storage.journal import Journal
from autoresearch_magic.study.tracking.sender import Sender
from autoresearch_magic.study.tracking.tensorboard import TensorBoard

pytest.importorskip("tensorboard")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    scalars, texts = {}, {}
    for tag in set(events.Tags()["tensors"]) - {"_hparams_/session_start_info"}:
        for event in events.Tensors(tag):
            data = event.tensor_proto
            if data.string_val:
                texts[tag] = data.string_val[0].decode()
            else:
                scalars.setdefault(tag, []).append((event.step, data.float_val[0]))
    return scalars, texts


def same(a, b):
    return len(a) == len(b) and all(
        s == t and math.isclose(v, w, rel_tol=1e-6) for (s, v), (t, w) in zip(a, b, strict=True)
    )


def test_what_its_own_reader_reads_equals_the_journal(study, tmp_path):
    tracker = TensorBoard(str(tmp_path / "boards"))
    sender = Sender(study, tracker, "tensorboard", lambda report: None)
    sender.pass_over(last=True)
    sender.end("finished", "")
    sender.close()
    for e in study.experiments:
        scalars, texts = read(tmp_path / "boards" / "night" / f"{e.number:04d}")
        runs = len(e.measurements)
        assert same(scalars.get("loss", []), [] if e.value is None else [(runs, e.value)])
        for n, m in enumerate(e.measurements):
            for name in m.curve[0].values if m.curve else ():
                tag = f"curve/{name}" if n == 0 else f"curve/{name} run 2"
                assert same(scalars[tag], [(p.step, p.values[name]) for p in m.curve])
        assert texts["verdict"].startswith(f"**{e.verdict}**")
        assert e.reason in texts["verdict"]
        assert e.target.strip() in texts["source.py"]
        assert ("change.diff" in texts) == (e.number > 0)
    scalars, texts = read(tmp_path / "boards" / "night" / "study")
    assert same(scalars["value"], [(e.number, e.value) for e in study.experiments if e.value is not None])
    assert "# Lower it" in texts["program.md"]
    assert same(scalars["confirmed/gain"], [(0, study.headline.gain)])


def test_nothing_is_written_twice_and_what_was_broken_off_is_written_anew(study, tmp_path):
    for _ in range(2):
        sender = Sender(study, TensorBoard(str(tmp_path)), "tensorboard", lambda report: None)
        sender.pass_over(last=True)
        sender.close()
    place = tmp_path / "night" / "0001"
    assert len([*place.glob("events*")]) == 1
    (place / "sent.json").unlink()
    sender = Sender(study, TensorBoard(str(tmp_path)), "tensorboard", lambda report: None)
    sender.pass_over(last=True)
    sender.close()
    scalars, _ = read(place)
    assert len(scalars["loss"]) == 1


def test_a_run_is_seen_as_it_goes_on_and_is_the_journals_in_the_end(study, tmp_path):
    from autoresearch_magic.study.live_curves import LiveCurve

    e = study.experiments[1]
    sender = Sender(study, TensorBoard(str(tmp_path)), "tensorboard", lambda report: None)
    with Journal(study.folder / "journal.sqlite") as journal:
        sender._marks = sender._open(journal)
    for count in (2, 3):
        curve = e.measurements[0].curve[:count]
        sender._live.send([LiveCurve(0, None, e.fingerprint, e.summary, 0, 1000.0, 9.0, curve)], study.experiments[:1])
    (place,) = (tmp_path / "night").glob("running *")
    scalars, _ = read(place)
    assert same(scalars["curve/loss"], [(p.step, p.values["loss"]) for p in e.measurements[0].curve[:3]])
    killed = TensorBoard(str(tmp_path))
    sender.pass_over(last=True)
    assert not place.exists()
    scalars, _ = read(tmp_path / "night" / "0001")
    assert same(scalars["curve/loss"], [(p.step, p.values["loss"]) for p in e.measurements[0].curve])
    place.mkdir()
    killed.open(sender._tracker._study, "")  # the next process removes what one that was killed has left
    assert not place.exists()
    killed.close()
