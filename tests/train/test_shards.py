"""train/shards.py against a server on loopback that drops, shortens and corrupts its responses."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from autoresearch_magic.errors import UserError

from .fake_hub import FakeHub, Fault, dropped, short, stalled
from .helpers import TRAIN, write_parquet

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
def no_pause(home, monkeypatch):
    monkeypatch.setattr(shards, "PAUSE", 0.0)


@pytest.fixture
def hub():
    with FakeHub(STORIES.repo, REVISION, CONTENT) as hub:
        yield hub


def contents(paths):
    return [path.read_bytes() for path in paths]


def left_over(folder):
    return [path.name for path in folder.rglob("*") if path.name.endswith(".part")]


def test_the_requested_shards_are_downloaded_with_the_validation_shard_last(hub, home):
    paths = shards.fetch(STORIES, 1, endpoint=hub.url)
    assert contents(paths) == [CONTENT[FIRST], CONTENT["data/val-0.parquet"]]
    assert all(str(path).startswith(str(home / "cache" / "autoresearch_magic")) for path in paths)
    assert hub.asked("data/train-1.parquet") == []


def test_downloaded_shards_are_not_requested_again(hub):
    shards.fetch(STORIES, 1, endpoint=hub.url)
    before = len(hub.requests)
    assert shards.fetch(STORIES, 1, endpoint="http://127.0.0.1:9") == shards.local(STORIES, 1)
    shards.fetch(STORIES, 2, endpoint=hub.url)
    assert [path for method, path, _ in hub.requests[before:] if method == "GET" and "store" in path] == [
        "/store/data/train-1.parquet"
    ]


def test_shards_are_local_only_when_all_of_them_are(hub):
    assert shards.local(STORIES, 2) is None
    shards.fetch(STORIES, 1, endpoint=hub.url)
    assert shards.local(STORIES, 2) is None
    assert shards.local(STORIES, 1) is not None


@pytest.mark.parametrize("fault", [dropped(300_000), short(300_000)], ids=["dropped", "short"])
def test_a_download_continues_where_a_response_ended_early(hub, fault):
    hub.faults[FIRST] = [fault]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    first, second = hub.asked(FIRST)
    assert first is None
    assert second == "bytes=300000-"


def test_many_faults_are_retried_while_bytes_arrive(hub):
    hub.faults[FIRST] = [*[short(100_000) for _ in range(7)], dropped(50_000), Fault(status=503), Fault(status=503)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]


def test_a_server_that_ignores_range_does_not_double_the_file(hub):
    hub.faults[FIRST] = [dropped(300_000), Fault(no_range=True)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST) == [None, "bytes=300000-"]


def test_content_with_another_checksum_is_downloaded_once_more(hub):
    hub.faults[FIRST] = [Fault(garbled=True)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST) == [None, None]


def test_content_with_a_wrong_checksum_is_never_used(hub, home):
    hub.faults[FIRST] = [Fault(garbled=True), Fault(garbled=True)]
    with pytest.raises(UserError, match="twice with another SHA-256"):
        shards.fetch(STORIES, 1, endpoint=hub.url)
    assert shards.local(STORIES, 1) is None
    assert left_over(home) == []


def test_a_partial_file_with_other_content_is_detected(hub):
    part = shards.folder(STORIES) / f"{FIRST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST) == ["bytes=1000-", None]


def test_a_partial_file_that_is_too_long_is_downloaded_again(hub):
    part = shards.folder(STORIES) / f"{FIRST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(CONTENT[FIRST]) + 1))
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]


def test_without_a_checksum_the_size_is_what_is_checked(hub):
    hub.sends_sha256 = False
    hub.faults[FIRST] = [short(10)]
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]


def test_a_failed_download_is_one_line_and_keeps_its_bytes(hub, home):
    hub.faults[FIRST] = [dropped(300_000), *[Fault(status=503) for _ in range(60)]]
    with pytest.raises(UserError, match=r"stories .*http://127.*503.*run this again") as caught:
        shards.fetch(STORIES, 1, endpoint=hub.url)
    assert "\n" not in str(caught.value)
    assert (shards.folder(STORIES) / f"{FIRST}.part").stat().st_size == 300_000
    hub.faults[FIRST] = []
    assert contents(shards.fetch(STORIES, 1, endpoint=hub.url))[0] == CONTENT[FIRST]
    assert hub.asked(FIRST)[-1] == "bytes=300000-"


def test_a_refused_request_is_not_repeated(hub):
    hub.faults[FIRST] = [Fault(status=403)]
    with pytest.raises(UserError, match="403"):
        shards.fetch(STORIES, 1, endpoint=hub.url)
    assert len(hub.asked(FIRST)) == 1


def test_without_a_network_one_line_gives_the_remedies():
    with pytest.raises(
        UserError, match=r"stories .*http://127.0.0.1:9 .*run this again when connected.*SOURCE = 'embedded'"
    ) as caught:
        shards.fetch(STORIES, 1, endpoint="http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_offline_mode_is_named(home):
    code = (
        f"import sys; sys.path.insert(0, {str(TRAIN)!r}); import shards\n"
        "try: shards.fetch(shards.DATASETS['tinystories'], 1)\nexcept shards.UserError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True
    )
    assert done.stdout.startswith("tinystories")
    assert "HF_HUB_OFFLINE" in done.stdout
    assert done.stderr == ""


def test_a_file_that_the_data_set_lacks_is_an_error(hub):
    wrong = shards.Dataset("stories", STORIES.repo, REVISION, ["data/train-9.parquet"], STORIES.validation)
    with pytest.raises(UserError, match=r"somebody/stories has no file data/train-9.parquet"):
        shards.fetch(wrong, 1, endpoint=hub.url)


@pytest.mark.parametrize("count", [0, 3])
def test_a_number_of_shards_out_of_range_is_an_error(count):
    with pytest.raises(UserError, match="ask for 1 to 2"):
        shards.fetch(STORIES, count)


@pytest.mark.slow
def test_a_killed_download_continues_where_it_stopped(hub, home):
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


def test_concurrent_downloads_transfer_each_file_once(hub):
    threads = [threading.Thread(target=shards.fetch, args=(STORIES, 2), kwargs={"endpoint": hub.url}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(shards.local(STORIES, 2)) == list(CONTENT.values())
    assert [len(hub.asked(name)) for name in CONTENT] == [1, 1, 1]


def test_shards_are_stored_below_hf_home(hub, home, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(home / "big"))
    assert all(path.is_relative_to(home / "big") for path in shards.fetch(STORIES, 1, endpoint=hub.url))


@pytest.mark.parametrize("dataset", shards.DATASETS.values(), ids=list(shards.DATASETS))
def test_data_sets_are_pinned_and_keep_their_validation_shard_apart(dataset):
    assert len(dataset.revision) == 40
    assert dataset.validation not in dataset.train
    assert len(set(dataset.train)) == len(dataset.train)


# -- documents --------------------------------------------------------------------------------------------------------


def test_documents_are_the_rows_of_the_text_column(tmp_path):
    rows = ["one", "", "zwei – ß", None, "x" * 5000]
    file = write_parquet(tmp_path / "a.parquet", other=["a"] * 5, text=rows)
    assert list(shards.documents(file)) == [b"one", "zwei – ß".encode(), b"x" * 5000]


def test_a_single_text_column_is_used_and_of_two_none(tmp_path):
    assert list(shards.documents(write_parquet(tmp_path / "a.parquet", story=["s"], number=[1]))) == [b"s"]
    with pytest.raises(UserError, match=r"no column 'text' \(text columns: a, b\)"):
        list(shards.documents(write_parquet(tmp_path / "b.parquet", a=["s"], b=["t"])))


def test_a_file_that_is_not_parquet_is_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match="not a complete Parquet file"):
        list(shards.documents(path))


@pytest.mark.parametrize("library", ["huggingface_hub", "pyarrow"])
def test_a_missing_library_is_named(library, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"needs the library {library}: pip install 'autoresearch-magic\[lm\]'"):
        shards.fetch(STORIES, 1) if library == "huggingface_hub" else list(shards.documents(tmp_path))
