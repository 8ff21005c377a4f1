"""Whatever stands in the place of a result file, reading it ends at once."""

import os

import pytest

from autoresearch_magic.runners.output.result_file import LARGEST, read_result_file


def test_text_and_time_of_a_file(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"loss: 1\xff\r\n")
    os.utime(tmp_path / "a.txt", (5, 7))
    assert read_result_file(tmp_path / "a.txt") == ("loss: 1\ufffd\r\n", 7.0)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(ValueError, match="no regular file"):
            read_result_file(tmp_path / name)
    for name in (".", "missing"):
        with pytest.raises((OSError, ValueError)):
            read_result_file(tmp_path / name)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match=f"more than {LARGEST:,} bytes"):
        read_result_file(tmp_path / "sparse")


def test_a_link_out_of_the_folder_is_not_what_the_run_wrote(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "old.json").write_text("1")
    (folder / "out.json").symlink_to(tmp_path / "old.json")
    with pytest.raises(ValueError, match="leads out of the folder"):
        read_result_file(folder / "out.json", folder)
    os.link(tmp_path / "old.json", folder / "hard.json")
    with pytest.raises(ValueError, match="another name elsewhere"):
        read_result_file(folder / "hard.json", folder)
    (folder / "own.json").write_text("2")
    (folder / "latest.json").symlink_to("own.json")
    assert read_result_file(folder / "latest.json", folder)[0] == "2"
