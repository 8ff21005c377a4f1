"""Measurements, logs and guards without keys."""

import base64

import pytest

from autoresearch_magic.experiment import Measurement, Outcome
from autoresearch_magic.runners import GuardResult
from autoresearch_magic.runners.clean import clean_guard, clean_measurement
from autoresearch_magic.runners.output.log_file import clean_file, read_log, readable_log
from autoresearch_magic.runners.worker.output_log import LOG_HEAD, LOG_TAIL, OutputLog
from autoresearch_magic.runs import Point

KEY = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def test_every_text_and_name_of_a_measurement_is_cleaned():
    point = Point(1.0, 0.5, 3, {"loss": 1.0, KEY: 2.0})
    made = clean_measurement(Measurement(
        Outcome.CRASH, None, 0, error=f"e {KEY}", traceback=f"t {KEY}", output=f"o {KEY}", names=(KEY, "x"), numbers={KEY: 1.0, "n": 2.0},
        notes=(f"n {KEY}",), artifacts={f"{KEY}.txt": f"a {KEY}"}, curve=(point,), holdout_error=f"h {KEY}",
    ))  # fmt: skip
    assert KEY not in repr(made)
    assert made.error == "e [key removed]"
    assert made.curve[0].values == {"loss": 1.0, "[key removed]": 2.0}
    assert made.numbers == {"[key removed]": 1.0, "n": 2.0}


def test_a_guards_result_is_cleaned():
    made = clean_guard(GuardResult(f"f {KEY}", f"o {KEY}", lines=(f"l {KEY}",)))
    assert KEY not in repr(made)


@pytest.mark.parametrize("before", [0, LOG_HEAD - 50, LOG_HEAD + 7, LOG_HEAD + LOG_TAIL + 10_000])
def test_a_log_has_no_key_wherever_it_stands(tmp_path, before):
    log = OutputLog(str(tmp_path / "log"))
    line = b"step 123456789\n"
    data = line * (before // len(line)) + f"{KEY} {KEY[:20]}".encode() + f"{KEY[20:]}\nend\n".encode()
    for at in range(0, len(data), 65_000):
        log.write(data[at : at + 65_000])
    log.close()
    told = (tmp_path / "log").read_bytes()
    assert b"ghp_" not in told
    assert b"7R8" not in told
    assert b"[key removed]" in told
    assert told.endswith(b"\nend\n")
    assert b"ghp_" not in log.tail
    assert log.tail.endswith(b"\nend\n")


def test_a_log_without_keys_is_as_it_was(tmp_path):
    log = OutputLog(str(tmp_path / "log"))
    data = b"".join(b"line %d\n" % number for number in range(200_000))
    for at in range(0, len(data), 65_537):
        log.write(data[at : at + 65_537])
    log.close()
    told = (tmp_path / "log").read_bytes()
    assert told[:LOG_HEAD] == data[:LOG_HEAD]
    assert told[-LOG_TAIL:] == data[-LOG_TAIL:] == log.tail


def test_a_log_that_is_read_loses_the_keys_of_this_process_on_disk_as_well(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "a-value-of-this-process")
    path = tmp_path / "log"
    path.write_text(f"x {base64.b64encode(b'a-value-of-this-process').decode()} y")
    assert "[key removed]" in read_log(path)
    assert path.read_text() == read_log(path)


def test_a_log_of_a_run_that_was_broken_off_is_cleaned(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "a-value-of-this-process")
    path = tmp_path / "log"
    path.write_text("a-value-of-this-process\n")
    with pytest.raises(KeyboardInterrupt), readable_log(str(path)):
        raise KeyboardInterrupt
    assert path.read_text() == "[key removed]\n"


def test_a_file_that_somebody_adds_to_is_cleaned_in_place(tmp_path):
    path = tmp_path / "setup.log"
    with path.open("ab") as writer:
        writer.write(f"{KEY}\n".encode())
        writer.flush()
        clean_file(path)
        writer.write(b"more\n")
    assert path.read_text() == "[key removed]\nmore\n"
    clean_file(tmp_path / "missing")
