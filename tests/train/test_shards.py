"""The shards of a data set, from a server on loopback that drops, shortens and garbles what it sends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from autoresearch_magic.errors import UserError

from .fake_hub import FakeHub, Fault, dropped, short, stalled

TRAIN = Path(__file__).parents[2] / "train"
sys.path.insert(0, str(TRAIN))
shards = pytest.importorskip("shards", reason="filelock and tqdm")
for library in ("huggingface_hub", "pyarrow"):
    pytest.importorskip(library)

REVISION = "0123456789abcdef0123456789abcdef01234567"
STORIES = shards.Dataset(
    "stories", "somebody/stories", REVISION, ["data/train-0.parquet", "data/train-1.parquet"], "data/val-0.parquet"
)
CONTENT = {
    "data/train-0.parquet": bytes(range(256)) * 4000,
    "data/train-1.parquet": b"second" * 1000,
    "data/val-0.parquet": b"held out" * 500,
}
FIRST = "data/train-0.parquet"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.setattr(shards, "PAUSE", 0.0)
    return tmp_path


@pytest.fixture
def hub():
    with FakeHub(STORIES.repo, REVISION, CONTENT) as hub:
        yield hub


def contents(paths):
    return [path.read_bytes() for path in paths]


def left_over(folder):
    return [path.name for path in folder.rglob("*") if path.name.endswith(".part")]


def test_the_shards_that_were_asked_for_come_with_the_validation_shard_last(hub, home):
    paths = shards.fetch(STORIES, 1, endpoint=hub.url)
    assert contents(paths) == [CONTENT[FIRST], CONTENT["data/val-0.parquet"]]
    assert all(str(path).startswith(str(home / "cache" / "autoresearch_magic")) for path in paths)
    assert hub.asked("data/train-1.parquet") == []


def test_what_is_here_is_not_asked_for_again_and_needs_no_hub(hub):
    shards.fetch(STORIES, 1, endpoint=hub.url)
    before = len(hub.requests)
    assert shards.fetch(STORIES, 1, endpoint="http://127.0.0.1:9") == shards.here(STORIES, 1)
    shards.fetch(STORIES, 2, endpoint=hub.url)
    assert [path for method, path, _ in hub.requests[before:] if method == "GET" and "store" in path] == [
        "/store/data/train-1.parquet"
    ]


def test_nothing_is_here_until_all_of_it_is(hub):
    assert shards.here(STORIES, 2) is None
    shards.fetch(STORIES, 1, endpoint=hub.url)
    assert shards.here(STORIES, 2) is None
    assert shards.here(STORIES, 1) is not None


@pytest.mark.parametrize("fault", [dropped(300_000), short(300_000)], ids=["dropped", "short"])
def test_an_answer_that_ends_early_is_gone_on_with_from_there(hub, fault):
    hub.faults[FIRST] = [fault]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    first, second = hub.asked(FIRST)
    assert first is None
    assert second == "bytes=300000-"


def test_many_faults_in_a_row_are_outlasted_while_something_comes(hub):
    hub.faults[FIRST] = [*[short(100_000) for _ in range(7)], dropped(50_000), Fault(status=503), Fault(status=503)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]


def test_a_server_that_ignores_range_does_not_double_the_file(hub):
    hub.faults[FIRST] = [dropped(300_000), Fault(no_range=True)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST) == [None, "bytes=300000-"]


def test_content_with_another_checksum_is_thrown_away_and_asked_for_once_more(hub):
    hub.faults[FIRST] = [Fault(garbled=True)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST) == [None, None]


def test_content_that_stays_wrong_is_never_used(hub, home):
    hub.faults[FIRST] = [Fault(garbled=True), Fault(garbled=True)]
    with pytest.raises(UserError, match="twice with another SHA-256"):
        shards.fetch(STORIES, 1, endpoint=hub.url)
    assert shards.here(STORIES, 1) is None
    assert left_over(home) == []


def test_a_half_that_is_of_another_file_is_found_out(hub):
    part = shards.folder(STORIES) / f"{FIRST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST) == ["bytes=1000-", None]


def test_a_part_that_is_too_long_begins_anew(hub):
    part = shards.folder(STORIES) / f"{FIRST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(CONTENT[FIRST]) + 1))
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]


def test_without_a_checksum_the_size_is_what_is_checked(hub):
    hub.tells_sha256 = False
    hub.faults[FIRST] = [short(10)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]


def test_a_hub_that_gives_up_on_a_shard_is_told_in_one_line_and_what_came_is_kept(hub, home):
    hub.faults[FIRST] = [dropped(300_000), *[Fault(status=503) for _ in range(60)]]
    with pytest.raises(UserError, match=r"stories cannot be had from http://127.*503.*run this again") as told:
        shards.fetch(STORIES, 1, endpoint=hub.url)
    assert "\n" not in str(told.value)
    assert (shards.folder(STORIES) / f"{FIRST}.part").stat().st_size == 300_000
    hub.faults[FIRST] = []
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST)[-1] == "bytes=300000-"


def test_a_refusal_is_not_asked_again(hub):
    hub.faults[FIRST] = [Fault(status=403)]
    with pytest.raises(UserError, match="the hub answers 403"):
        shards.fetch(STORIES, 1, endpoint=hub.url)
    assert len(hub.asked(FIRST)) == 1


def test_without_a_network_one_line_says_what_to_do():
    with pytest.raises(
        UserError, match=r"stories cannot be had from http://127.0.0.1:9 .*when connected; SOURCE = 'embedded'"
    ) as told:
        shards.fetch(STORIES, 1, endpoint="http://127.0.0.1:9")
    assert "\n" not in str(told.value)


def test_offline_by_wish_is_told_too(home):
    code = (
        f"import sys; sys.path.insert(0, {str(TRAIN)!r}); import shards\n"
        "try: shards.fetch(shards.DATASETS['tinystories'], 1)\nexcept shards.UserError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True
    )
    assert done.stdout.startswith("tinystories cannot be had from")
    assert "offline" in done.stdout.lower()
    assert done.stderr == ""


def test_a_file_that_the_data_set_does_not_have_is_told(hub):
    wrong = shards.Dataset("stories", STORIES.repo, REVISION, ["data/train-9.parquet"], STORIES.validation)
    with pytest.raises(UserError, match=r"somebody/stories has no file data/train-9.parquet"):
        shards.fetch(wrong, 1, endpoint=hub.url)


@pytest.mark.parametrize("count", [0, 3])
def test_more_shards_than_there_are_is_told(count):
    with pytest.raises(UserError, match="ask for 1 to 2"):
        shards.fetch(STORIES, count)


def test_a_download_that_was_killed_goes_on_where_it_was(hub, home):
    hub.faults[FIRST] = [stalled(300_000)]
    code = (
        f"import sys; sys.path.insert(0, {str(TRAIN)!r}); import shards\n"
        f"shards.fetch(shards.Dataset('stories', {STORIES.repo!r}, {REVISION!r}, {STORIES.train!r}, {STORIES.validation!r}), 1, endpoint={hub.url!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    assert hub.stalling.wait(60)
    part = shards.folder(STORIES) / f"{FIRST}.part"
    try:
        while not part.is_file() or part.stat().st_size < 100_000:  # the last pieces may be in its buffers
            assert process.poll() is None
            threading.Event().wait(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = part.stat().st_size
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST)[-1] == f"bytes={kept}-"


def test_two_processes_at_once_do_the_work_once(hub):
    threads = [threading.Thread(target=shards.fetch, args=(STORIES, 2), kwargs={"endpoint": hub.url}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(shards.here(STORIES, 2)) == list(CONTENT.values())
    assert [len(hub.asked(name)) for name in CONTENT] == [1, 1, 1]


def test_hf_home_is_where_large_things_go(hub, home, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(home / "big"))
    assert all(path.is_relative_to(home / "big") for path in shards.fetch(STORIES, 1, endpoint=hub.url))


@pytest.mark.parametrize("dataset", shards.DATASETS.values(), ids=list(shards.DATASETS))
def test_data_sets_are_pinned_and_never_train_on_their_validation_shard(dataset):
    assert len(dataset.revision) == 40
    assert dataset.validation not in dataset.train
    assert len(set(dataset.train)) == len(dataset.train)


# -- documents --------------------------------------------------------------------------------------------------------


def parquet(path, **columns):
    import pyarrow as arrow
    from pyarrow.parquet import write_table

    write_table(arrow.table(columns), path, row_group_size=2)
    return path


def test_documents_are_the_rows_of_the_text_column(tmp_path):
    rows = ["one", "", "zwei – ß", None, "x" * 5000]
    file = parquet(tmp_path / "a.parquet", other=["a"] * 5, text=rows)
    assert list(shards.documents(file)) == [b"one", "zwei – ß".encode(), b"x" * 5000]


def test_the_only_column_of_text_will_do_and_of_two_neither(tmp_path):
    assert list(shards.documents(parquet(tmp_path / "a.parquet", story=["s"], number=[1]))) == [b"s"]
    with pytest.raises(UserError, match=r"no column 'text' \(columns of text: a, b\)"):
        list(shards.documents(parquet(tmp_path / "b.parquet", a=["s"], b=["t"])))


def test_a_file_that_is_no_parquet_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match="no Parquet file, or was cut short"):
        list(shards.documents(path))


@pytest.mark.parametrize("library", ["huggingface_hub", "pyarrow"])
def test_a_missing_library_is_named(library, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"needs the library {library}: pip install 'autoresearch-magic\[lm\]'"):
        shards.fetch(STORIES, 1) if library == "huggingface_hub" else list(shards.documents(tmp_path))
