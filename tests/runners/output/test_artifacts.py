"""Text files that runs write: which are taken, and what of them."""

import os

import pytest

from autoresearch_magic.experiment import LONGEST_ARTIFACT, MOST_ARTIFACTS
from autoresearch_magic.runners.output import artifacts
from autoresearch_magic.runners.output.artifacts import LARGE, ArtifactFiles


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def taken(folder, globs, hide=(), **files):
    made = ArtifactFiles(globs, hide)
    before = made.look(folder)
    write(folder, **files)
    return made.changed(folder, before)


def test_only_files_that_this_run_wrote_are_taken(tmp_path):
    write(tmp_path, old_txt="old", same_txt="same", out__a_txt="before")
    assert taken(tmp_path, ["*.txt", "out/**"], same_txt="same", out__a_txt="after", new_txt="n", other_csv="1") == {
        "new.txt": "n", "same.txt": "same", "out/a.txt": "after",
    }  # fmt: skip


def test_globs_exclude_name_files_and_folders_and_give_the_order(tmp_path):
    files = {"b_txt": "b", "a_txt": "a", "deep__er__c_txt": "c", "deep__big_log": "x", "x_json": "{}"}
    assert list(taken(tmp_path, ["x.json", "**/*.{txt,log}", "!**/big*"], **files)) == [
        "x.json",
        "a.txt",
        "b.txt",
        "deep/er/c.txt",
    ]
    assert list(taken(tmp_path, ["deep/"], **files)) == ["deep/big.log", "deep/er/c.txt"]
    assert list(taken(tmp_path, ["a.txt", "nothing/*"], **files)) == ["a.txt"]
    assert taken(tmp_path, [], **files) == {}


def test_hidden_files_links_and_pipes_are_never_read(tmp_path):
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    write(outside, secret_txt="secret")
    inside.mkdir()
    made = ArtifactFiles(["**"], ["answers*"])
    before = made.look(inside)
    (inside / "link.txt").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside)
    os.mkfifo(inside / "pipe.txt")
    write(inside, answers_txt="42", plain_txt="p")
    assert made.changed(inside, before) == {"plain.txt": "p"}
    through = ArtifactFiles(["folder/*"])
    assert through.changed(inside, through.look(inside)) == {}
    (inside / "folder").unlink()
    before = through.look(inside)
    (inside / "folder").symlink_to(outside)
    assert through.changed(inside, before) == {}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "(binary, 10 bytes)"),
        (b"caf\xe9", "(binary, 4 bytes)"),
        (b"", "(empty)"),
        ("\ufeffa\r\nb\x1b[31m red\x1b[0m\x07\n", "a\nb red"),
        (b"x" * (LARGE + 1), "(256,001 bytes, too large to be shown)"),
    ],
)
def test_what_is_shown_of_a_file(tmp_path, content, shown):
    assert taken(tmp_path, ["a.txt"], a_txt=content) == {"a.txt": shown}


def test_long_files_lose_their_middle_and_many_files_are_told(tmp_path):
    (text,) = taken(tmp_path, ["*.txt"], a_txt="begin" + "x" * 100_000 + "end").values()
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "characters left out" in text
    assert len(text) < LONGEST_ARTIFACT + 60
    made = ArtifactFiles(["*.csv", "*.txt"])
    write(tmp_path, **{f"f{n}_txt": "t" for n in range(9)}, z_csv="c")
    found = made.changed(tmp_path, {})
    assert len(found) == MOST_ARTIFACTS
    assert next(iter(found)) == "z.csv"
    assert "wrote 11 such files, and the first 8 are kept" in made.problem


def test_a_folder_with_very_many_files_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "MOST_SEEN", 5)
    write(tmp_path, **{f"f{n}_txt": "t" for n in range(9)})
    made = ArtifactFiles(["**/*.txt"])
    assert len(made.look(tmp_path)) == 5
    assert "a narrower glob" in made.problem


def test_a_key_of_the_environment_is_taken_out(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "tok-0123456789")
    assert taken(tmp_path, ["*.txt"], a_txt="t=tok-0123456789") == {"a.txt": "t=[key removed]"}


def test_odd_names_are_written_in_one_printable_line(tmp_path):
    made = ArtifactFiles(["*.txt"])
    for name in ("a\nb.txt", "caf\udce9.txt"):
        (tmp_path / name).write_text("t")
    assert list(made.changed(tmp_path, {})) == ["a b.txt", r"caf\udce9.txt"]
