"""Whatever an experiment writes into its pipe is an event or is dropped."""

import json
import math
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoresearch_magic.experiment import LARGEST_INTEGER, Measurement, Outcome
from autoresearch_magic.runners.output.all_numbers import bounded
from autoresearch_magic.runners.worker.job import RunningJob, result_of
from autoresearch_magic.runners.worker.protocol import ERROR, TEXT, LineBuffer, encode, read_event, read_message

KEYS = ("result", "report", "tick", "begin", "evaluating", "outcome", "value", "values", "elapsed", "progress", "step",
        "error", "traceback", "names", "steps", "charged", "gpu_memory", "shared_memory", "missing_module",
        "numbers", "invalid")  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([10**400, -(10**400)])
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from([*Outcome])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=10,
)
MESSAGES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)


def is_plain(value):
    """Whether a value fits the journal: texts that can be encoded, integers of 64 bits."""
    if isinstance(value, dict):
        return all(is_plain(key) and is_plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    if isinstance(value, str):
        return len(value) < TEXT + 100 and value.encode() is not None
    return not isinstance(value, int) or abs(value) <= LARGEST_INTEGER


def measured(result):
    """The measurement that the runner of cells makes from a result."""
    return Measurement(
        Outcome(result["outcome"]), result.get("value"), 0, result["seconds"], result.get("charged", 0.0),
        result.get("evaluation", 0.0), result.get("steps", 0), result["memory"], (), result.get("error", ""),
        result.get("traceback", ""), result["output"], tuple(result.get("names", ())),
        bounded({**result.get("numbers", {})}),
    )  # fmt: skip


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.lists(MESSAGES.map(lambda m: json.dumps(m).encode()) | st.binary(max_size=60), max_size=6), st.booleans())
def test_a_run_has_a_result_whatever_it_sends(lines, command):
    run = RunningJob(
        1, {"command": "x"} if command else {"metric": {"name": "m", "expression": "m"}}, 9.0, 0, os.devnull, (-1, -1)
    )
    for line in lines:
        event = read_event(line)
        assert event is None or (len(event) == 1 and is_plain(event))
        if event and "result" in event:
            run.result = {**(run.result or {}), **event["result"]}
        if event and "report" in event:
            assert event["report"]["values"]
            assert 0 <= event["report"]["progress"] <= 1
    run.log.close()
    m = measured(result_of(run, 0, 10**6))
    assert m.outcome is not Outcome.OK or m.ok or command or m.value is None or not math.isfinite(m.value)
    assert len(m.error) < ERROR + 200


@pytest.mark.parametrize("outcome", ["[]", "{}", "null", "1e999", "true", '"fine"'])
def test_an_outcome_that_is_none_is_no_result(outcome):
    event = read_event(f'{{"result": {{"outcome": {outcome}}}}}'.encode())
    assert event is None or event["result"].get("outcome") in [*Outcome, None]


@given(st.lists(st.binary(max_size=9), max_size=30))
def test_lines_are_joined_from_pieces_and_long_ones_are_dropped(pieces):
    buffer = LineBuffer(longest=12)
    lines = [line for piece in pieces for line in buffer.feed(piece)]
    *complete, _ = b"".join(pieces).split(b"\n")
    assert lines == [line for line in complete if len(line) <= 12]


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"5", b"null", b"[1]", b'{"report": 5}', b'{"report": {"values": {"x": 1}}}', b"\xff\xfe", b"[" * 100_000,
     b'{"begin": "yes"}', b'{"tick": {"elapsed": 0, "progress": NaN, "step": 1}}', b'{"result": {"outcome": "great"}}',
     b'{"report": {"elapsed": 0, "progress": 0, "step": 0, "values": {"x": "1"}}}'],
)  # fmt: skip
def test_what_is_no_event_is_dropped(line):
    assert read_event(line) is None


def test_a_report_has_numbers_that_can_be_compared():
    report = {
        "elapsed": 1,
        "progress": 7,
        "step": 2**70,
        "values": {"a\udcff": 1e308, "b": 10**400, "c": math.nan, "d": True},
    }
    checked = read_event(encode({"report": report}).strip())["report"]
    assert (checked["progress"], checked["step"]) == (1.0, LARGEST_INTEGER)
    assert list(checked["values"]) == ["a\\udcff", "b", "c"]
    assert checked["values"]["a\\udcff"] == checked["values"]["b"] == math.inf
    assert math.isnan(checked["values"]["c"])


def test_a_result_comes_in_parts_and_its_wrong_fields_are_left_out():
    sent = {
        "outcome": "ok",
        "value": 2,
        "steps": 2.5,
        "names": ["a", 5],
        "error": "x " * 5_000,
        "charged": math.inf,
        "mine": 1,
    }
    result = read_event(json.dumps({"result": sent}).encode())["result"]
    assert (result["value"], result["mine"], result["outcome"]) == (2.0, 1, Outcome.OK)
    assert not {"steps", "names", "charged"} & set(result)
    assert "characters left out" in result["error"]
    assert read_event(b'{"result": {"traceback": "\\udcff"}}') == {"result": {"traceback": "\\udcff"}}
    assert read_event(b'{"result": {"outcome": "ok", "value": "1"}}')["result"]["outcome"] is Outcome.METRIC_ERROR


def test_what_the_worker_alone_says_of_a_run_cannot_come_from_the_run():
    line = json.dumps(
        {
            "result": {
                "outcome": "crash",
                "killed": True,
                "printed": "loss: 0",
                "log_problem": "x",
                "exit": 0,
                "error": "e",
            }
        }
    )
    assert read_event(line.encode()) == {"result": {"outcome": "crash", "error": "e"}}


WORKER = st.fixed_dictionaries(
    {"is": st.sampled_from(["done", "event", "ready", "setup-failed", "refused", "x"]) | SCALARS},
    optional={
        "id": st.integers(0, 3) | VALUES, "result": MESSAGES | VALUES, "event": MESSAGES | VALUES, "mode": st.just("fork") | SCALARS,
        "why": SCALARS, "open": VALUES, "error": SCALARS, "traceback": SCALARS,
    },
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
@given(WORKER.map(lambda m: json.dumps(m).encode()) | st.binary(max_size=60))
def test_a_message_of_the_worker_has_what_the_kernel_takes_for_granted(line):
    match read_message(line):
        case None | {"is": "ready", "mode": "fork" | "fresh"} | {"is": "setup-failed" | "refused"}:
            pass
        case {"is": "event", "id": int(), "event": event}:
            if report := event.get("report"):
                assert all(math.isfinite(report[key]) for key in ("elapsed", "progress", "step"))
                assert isinstance(report["values"], dict)
        case {"is": "done", "id": int(), "result": result}:
            assert Outcome(result["outcome"])
            assert isinstance(result.get("error", ""), str)
            assert math.isfinite(result.get("seconds", 0.0))
        case other:
            pytest.fail(f"{other}")


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"is":' * 50_000, b"\xff", b"", b"null", b'{"is": "done", "id": 1}']
)
def test_no_message_of_the_worker_is_an_error_in_the_kernel(line):
    assert read_message(line) is None
