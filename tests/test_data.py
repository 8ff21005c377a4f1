"""Corpora, splits and bits per byte."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_magic import data
from autoresearch_magic.errors import UserError


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder that replaces Python's standard library."""
    monkeypatch.setattr(data.sysconfig, "get_path", lambda name: str(tmp_path))
    return tmp_path


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return folder


# -- corpus: the standard library -------------------------------------------------------------------------------------


def test_the_stdlib_corpus_is_several_megabytes_of_code():
    text = data.corpus()
    assert 5_000_000 < len(text) < 20_000_000
    assert Path(os.__file__).read_bytes() in text
    assert text == data.corpus("stdlib")


def test_tables_tests_and_installed_packages_are_left_out():
    text = data.corpus()
    lib = Path(os.__file__).parent
    for name in ("encodings/cp1252.py", "pydoc_data/topics.py", "html/entities.py"):
        assert (lib / name).read_bytes() not in text
    assert Path(pytest.__file__).read_bytes() not in text


def test_files_are_ordered_by_relative_path(library):
    write(library, {"b.py": b"B", "a/z.py": b"AZ", "a.py": b"A", "a/b/c.py": b"ABC", "Z.py": b"Z"})
    assert data.corpus() == b"Z\nA\nABC\nAZ\nB"  # "a.py" < "a/b/c.py": a dot comes before a slash


@pytest.mark.parametrize(
    "name",
    [
        "test/test_os.py",
        "json/tests/x.py",
        "idlelib/idle_test/x.py",
        "site-packages/x.py",
        "dist-packages/x.py",
        "__pycache__/x.py",
        "encodings/x.py",
        "pydoc_data/topics.py",
        "html/entities.py",
        "_sysconfigdata__linux_x86_64.py",
        "config-3.11/python-config.py",
        "LICENSE.txt",
        "binary.py",
    ],
)
def test_tests_tables_and_packages_are_not_in_the_corpus(library, name):
    write(library, {name: b"no\0" if name == "binary.py" else b"no", "html/parser.py": b"yes", "contest.py": b"too"})
    assert data.corpus() == b"too\nyes"


def test_a_missing_standard_library_is_an_error_with_a_remedy(library):
    with pytest.raises(UserError, match=r"has no \.py files here: give corpus"):
        data.corpus()


# -- corpus: local text -----------------------------------------------------------------------------------------------


def test_a_file_is_returned_byte_for_byte(tmp_path):
    raw = b"\xef\xbb\xbfone\r\ntw\xf6\r\n"  # a byte order mark, Windows' line ends, Latin-1
    (tmp_path / "a.txt").write_bytes(raw)
    assert data.corpus(str(tmp_path / "a.txt")) == data.corpus(tmp_path / "a.txt") == raw


def test_a_folder_is_read_recursively_without_hidden_and_binary_files(tmp_path):
    write(
        tmp_path,
        {"b.md": b"B", "a/x.txt": b"X\n", "pixels.png": b"\x89PNG\0", "empty": b"", ".git/config": b"no", ".x": b"no"},
    )
    assert data.corpus(tmp_path) == b"X\n\nB"


def test_a_glob_selects_the_matching_files(tmp_path):
    write(tmp_path, {"b.md": b"B", "a/x.md": b"X", "a/y.txt": b"Y", "c.md/z.md": b"Z"})
    assert data.corpus(f"{tmp_path}/*.md") == b"B"
    assert data.corpus(f"{tmp_path}/**/*.md") == b"X\nB\nZ"


def test_relative_paths_and_the_home_folder_are_resolved(tmp_path, monkeypatch):
    write(tmp_path, {"notes/a.txt": b"A", "stdlib": b"a file of that name"})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "notes")
    assert data.corpus("a.txt") == data.corpus("~/notes/a.txt") == data.corpus("~/*/a.txt") == b"A"
    monkeypatch.chdir(tmp_path)
    assert data.corpus("./stdlib") == b"a file of that name"


def test_an_existing_file_whose_name_looks_like_a_glob_is_read(tmp_path):
    (tmp_path / "a[1].txt").write_bytes(b"A")
    assert data.corpus(tmp_path / "a[1].txt") == b"A"


def test_unreadable_files_in_a_folder_are_skipped(tmp_path, monkeypatch):
    write(tmp_path, {"a.txt": b"A", "b.txt": b"B"})
    read = Path.read_bytes

    def refuse(path):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)  # file modes do not stop root, who may run the tests
    assert data.corpus(tmp_path) == b"B"
    with pytest.raises(UserError, match=r"a\.txt cannot be read \(Permission denied\)"):
        data.corpus(tmp_path / "a.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_named_pipe_in_a_folder_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "a")
    write(tmp_path, {"b.txt": b"B"})
    assert data.corpus(tmp_path) == b"B"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere.txt", r"Nothing is at .*nowhere\.txt' \(seen from .*\): give a file, a folder or a glob\."),
        ("*.rst", r"Nothing is at .*\*\.rst'"),
        ("empty.txt", r"empty\.txt is empty: give"),
        ("binary.txt", r"binary\.txt is binary \(it has NUL bytes\): give"),
        ("folder", r"There is no text in .*folder': give"),
        ("binary.*", r"There is no text in .*binary\.\*': give"),
    ],
)
def test_a_source_without_text_is_a_one_line_error(tmp_path, source, says):
    write(tmp_path, {"empty.txt": b"", "binary.txt": b"a\0b", "folder/.hidden": b"x", "folder/empty": b""})
    with pytest.raises(UserError, match=says) as caught:
        data.corpus(f"{tmp_path}/{source}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("limit", "text"), [(1, b"a"), (3, b"aa\n"), (5, b"aa\nbb"), (6, b"aa\nbb"), (None, b"aa\nbb")]
)
def test_the_limit_cuts_from_the_start(tmp_path, limit, text):
    assert data.corpus(write(tmp_path, {"1": b"aa", "2": b"bb"}), limit=limit) == text


def test_files_beyond_the_limit_are_not_read(tmp_path, monkeypatch):
    write(tmp_path, {"1": b"aa", "2": b"bb", "3": b"cc"})
    read, names = Path.read_bytes, []
    monkeypatch.setattr(Path, "read_bytes", lambda path: names.append(path.name) or read(path))
    assert data.corpus(tmp_path, limit=4) == b"aa\nb"
    assert names == ["1", "2"]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_an_error(limit):
    with pytest.raises(UserError, match="leaves no text"):
        data.corpus(limit=limit)


# -- split ------------------------------------------------------------------------------------------------------------


def test_the_end_of_every_piece_is_held_out():
    train, validation = data.split(b"abcdefghijklmnopqrst", 0.2, pieces=4)  # abcde fghij klmno pqrst
    assert (train, validation) == (b"abcdfghiklmnpqrs", b"ejot")


def test_pieces_of_unequal_length_are_rounded():
    # 11 bytes in 3: bounds 0, 3, 7, 11; a third of 3 and of 4 bytes is 1
    assert data.split(b"abcdefghijk", 1 / 3, pieces=3) == (b"abdefhij", b"cgk")


def test_a_single_piece_holds_out_the_tail():
    assert data.split(b"0123456789", 0.3, pieces=1) == (b"0123456", b"789")


def test_every_byte_is_in_exactly_one_part_and_the_share_is_met():
    text = bytes(range(256)) * 400 + b"rest"
    for share in (0.01, 0.1, 0.25, 0.5, 0.9):
        train, validation = data.split(text, share)
        assert sorted(train + validation) == sorted(text)
        assert abs(len(validation) - share * len(text)) <= 32
        assert (train, validation) == data.split(text, share)


def test_validation_represents_all_parts_of_a_sorted_corpus():
    text = b"a" * 5000 + b"b" * 3000 + b"c" * 2000
    _, validation = data.split(text, 0.1)
    for letter, length in ((b"a", 5000), (b"b", 3000), (b"c", 2000)):
        assert validation.count(letter) == pytest.approx(0.1 * length, abs=40)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, math.nan])
def test_a_share_outside_0_to_1_is_an_error(share):
    with pytest.raises(UserError, match="give a share between 0 and 1"):
        data.split(b"x" * 1000, share)


def test_too_little_text_is_an_error():
    with pytest.raises(UserError, match="40 bytes are too few to split in 32 pieces: give more text, or pieces=1"):
        data.split(b"x" * 40)
    with pytest.raises(UserError, match="0 bytes are too few"):
        data.split(b"")
    with pytest.raises(UserError, match="pieces=0"):
        data.split(b"x" * 1000, pieces=0)


# -- bits per byte ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 7, 1000, 98_327, 10**9])
def test_a_uniform_model_of_bytes_scores_exactly_eight(count):
    assert data.bits_per_byte(count * math.log(256), count) == 8.0


def test_values_worked_out_by_hand():
    assert data.bits_per_byte(0.0, 5) == 0.0
    assert data.bits_per_byte(math.log(2), 1) == 1.0  # a fair coin
    assert data.bits_per_byte(math.log(4) + math.log(16), 2) == pytest.approx(3.0)  # p = 1/4 and 1/16: (2 + 4) / 2 bits
    assert data.bits_per_byte(math.log(1024), 5) == pytest.approx(2.0)  # one token of five bytes with p = 1/1024


def test_scalar_tensors_are_accepted():
    torch = pytest.importorskip("torch")
    logits = torch.zeros(6, 256)
    nats = torch.nn.functional.cross_entropy(logits, torch.arange(6), reduction="sum")
    value = data.bits_per_byte(nats, torch.tensor(6))
    assert type(value) is float
    assert value == pytest.approx(8.0, abs=1e-6)


@pytest.mark.parametrize("count", [0, -1, math.nan])
def test_a_count_of_zero_bytes_is_an_error(count):
    with pytest.raises(ValueError, match="count has to be above zero"):
        data.bits_per_byte(1.0, count)


def test_infinite_and_nan_losses_are_passed_through():
    assert data.bits_per_byte(math.inf, 3) == math.inf
    assert math.isnan(data.bits_per_byte(math.nan, 3))


# -- the module -------------------------------------------------------------------------------------------------------


def test_torch_is_not_imported():
    code = "import sys; from autoresearch_magic import data; data.corpus(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
