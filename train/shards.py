"""The Parquet shards of a data set on the Hugging Face hub: brought here once, whole, and known to be what the hub has.

A data set is pinned by its commit and its validation shard, so that a figure of today can be compared with one of next year. What
a shard has to be, its size and SHA-256, is asked once and kept beside the shards; after that nothing needs the network.

The hub's own client says where a file is and who asks (its endpoint, token and headers) and makes the connections. Its download
is not used: since version 2.3 it removes what an ended process has left, a dropped connection costs it up to 10 MB, an answer that
is too short ends it, and it checks no checksum.

Not here: text files, tokens.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock
from tqdm import tqdm

from autoresearch_magic.errors import UserError

INSTALL = "pip install 'autoresearch-magic[lm]'"

PARALLEL = 4
"""Shards on their way at once: a single connection to the hub's store is rarely the whole of a line."""
ATTEMPTS = 5
"""In a row without a new byte, before a shard is given up."""
PAUSE = 1.0
"""Seconds before the second attempt; each further one waits twice as long."""


@dataclass(frozen=True)
class Dataset:
    """A data set at one commit.

    Attributes
    ----------
    name : str
        What a study calls it.
    repo, revision : str
        On the hub; the revision is a commit.
    train : sequence of str
        Paths of the training shards in the repository, in order.
    validation : str
        Path of the one shard that is never trained on.
    """

    name: str
    repo: str
    revision: str
    train: Sequence[str]
    validation: str

    def files(self, shards: int) -> list[str]:
        """Return the paths of the first `shards` training shards and, last, of the validation shard.

        Raises
        ------
        UserError
            When there are not so many.
        """
        if not 1 <= shards <= len(self.train):
            raise UserError(
                f"{self.name} has {len(self.train)} training shards: ask for 1 to {len(self.train)}, not {shards}."
            )
        return [*self.train[:shards], self.validation]


DATASETS = {
    dataset.name: dataset
    for dataset in (
        # Eldan & Li 2023, arXiv 2305.07759: stories in the words of a small child; a model of a million weights writes them.
        Dataset(
            "tinystories", "roneneldan/TinyStories", "f54c09fd23315a6f9c86f9dc80f725de7d8f9c64",
            [f"data/train-{place:05d}-of-00004-{name}.parquet"
             for place, name in enumerate(("2d5a1467fff1081b", "5852b56a2bd28fd9", "a26307300439e943", "d243063613e5a057"))],
            "data/validation-00000-of-00001-869c898b519ad725.parquet",
        ),
        # Diao et al. 2025, arXiv 2504.13161: web text in a mixture searched for; here as shuffled for karpathy/autoresearch,
        # whose validation shard is the last too.
        Dataset(
            "climbmix", "karpathy/climbmix-400b-shuffle", "915333b4f8b8684f39aeaafea600fea6f43fb703",
            [f"shard_{place:05d}.parquet" for place in range(6542)], "shard_06542.parquet",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """What the hub says of a file: bytes, and SHA-256 where it tells it (of every file in its large-file store)."""

    size: int
    sha256: str | None


def folder(dataset: Dataset) -> Path:
    """Return where the shards are kept: ``$HF_HOME`` if that is set, for it names the disk for large things, else the cache."""
    home = os.environ.get("HF_HOME")
    root = Path(home).expanduser() / "autoresearch_magic" if home else cache()
    return root / "shards" / dataset.repo.replace("/", "--") / dataset.revision


def cache() -> Path:
    """Return the folder of what can be made anew: ``$XDG_CACHE_HOME`` or ``~/.cache``, and our name."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "autoresearch_magic"


def here(dataset: Dataset, shards: int) -> list[Path] | None:
    """Return the files of `Dataset.files` where all of them are here; None where one is missing. Asks no network."""
    paths = [folder(dataset) / name for name in dataset.files(shards)]
    return paths if all(path.is_file() for path in paths) else None


def fetch(dataset: Dataset, shards: int, *, endpoint: str | None = None) -> list[Path]:
    """Bring the shards here and return their paths, the validation shard last.

    Shards that are here stay; of one that is half here the rest is asked for. Two processes may do this at once.

    Parameters
    ----------
    dataset : Dataset
    shards : int
        How many training shards.
    endpoint : str, optional
        The hub's address, ``$HF_ENDPOINT`` or huggingface.co if not given.

    Raises
    ------
    UserError
        When the hub cannot be reached or does not have a file, or when what came is not what it promised.
    """
    hub = _hub()
    names = dataset.files(shards)
    root = folder(dataset)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{root} cannot be made ({error.strerror}): set HF_HOME or XDG_CACHE_HOME to a folder of yours."
        ) from None
    if missing := [name for name in names if not (root / name).is_file()]:
        try:
            entries = _manifest(hub, dataset, missing, endpoint)
            _fetch_all(hub, dataset, {name: entries[name] for name in missing}, endpoint)
        except Exception as error:
            if not _of_transport(error):
                raise
            where = endpoint or hub.constants.ENDPOINT
            raise UserError(
                f"{dataset.name} cannot be had from {where} ({_reason(error)}): what came so far is kept, so run this again "
                f"when connected; SOURCE = 'embedded' needs no download."
            ) from None
    return [root / name for name in names]


def documents(path: Path) -> Iterator[bytes]:
    """Yield the documents of a Parquet file: its column ``text``, or its only column of text; empty ones are passed over.

    Raises
    ------
    UserError
        When it is no Parquet file or has no such column.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(f"Parquet needs the library pyarrow: {INSTALL}.") from None
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowInvalid:
        raise UserError(f"{path} is no Parquet file, or was cut short: remove it and get it again.") from None
    with file:
        texts = [
            field.name for field in file.schema_arrow if str(field.type) in ("string", "large_string", "string_view")
        ]
        column = "text" if "text" in texts else texts[0] if len(texts) == 1 else None
        if column is None:
            raise UserError(
                f"{path} has no column 'text' (columns of text: {', '.join(texts) or 'none'}): rename the one to train on."
            )
        for batch in file.iter_batches(batch_size=1024, columns=[column]):
            for text in batch.column(0).cast(arrow.large_binary()).to_pylist():
                if text:
                    yield text


# -- the transfer -----------------------------------------------------------------------------------------------------


def _hub() -> Any:
    try:
        import huggingface_hub
        from huggingface_hub import constants, utils  # noqa: F401  (loaded when first named)
    except ImportError:
        raise UserError(
            f"A data set of the hub needs the library huggingface_hub: {INSTALL}; SOURCE = 'embedded' does not."
        ) from None
    return huggingface_hub


def _manifest(hub: Any, dataset: Dataset, names: Sequence[str], endpoint: str | None) -> dict[str, Entry]:
    """Return what the hub says of the files, asking for what is not known yet."""
    path = folder(dataset) / "manifest.json"
    with FileLock(path.with_suffix(".lock")):
        known = {name: Entry(**entry) for name, entry in json.loads(path.read_text()).items()} if path.is_file() else {}
        if unknown := [name for name in names if name not in known]:
            told = hub.HfApi(endpoint=endpoint).get_paths_info(
                dataset.repo, unknown, repo_type="dataset", revision=dataset.revision
            )
            known |= {file.path: Entry(file.size, file.lfs.sha256 if file.lfs else None) for file in told}
            if lacking := [name for name in unknown if name not in known]:
                raise UserError(f"{dataset.repo} has no file {lacking[0]} at revision {dataset.revision[:12]}.")
            part = path.with_suffix(".part")
            part.write_text(json.dumps({name: asdict(entry) for name, entry in sorted(known.items())}, indent=1))
            part.replace(path)
    return known


def _fetch_all(hub: Any, dataset: Dataset, entries: Mapping[str, Entry], endpoint: str | None) -> None:
    total = sum(entry.size for entry in entries.values())
    with (
        tqdm(total=total, unit="B", unit_scale=True, desc=dataset.name, disable=None) as bar,
        ThreadPoolExecutor(PARALLEL) as pool,
    ):
        share = _Share(bar)
        jobs = [pool.submit(_fetch, hub, dataset, name, entry, endpoint, share) for name, entry in entries.items()]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # an interrupt too: the threads notice it at their next piece, and what they have stays
            share.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _fetch(hub: Any, dataset: Dataset, name: str, entry: Entry, endpoint: str | None, share: _Share) -> None:
    """Bring one file here; it has its name only when it is whole and right."""
    path = folder(dataset) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.is_file():  # another process was faster
            share.move(entry.size)
            return
        part = path.with_name(path.name + ".part")
        for _ in range(2):  # once more from the start when the content is wrong: the beginning may be of another answer
            _transfer(hub, dataset, name, entry, endpoint, part, share)
            if entry.sha256 in (None, _sha256(part)):
                part.replace(path)
                return
            part.unlink()
            share.move(-entry.size)
        raise UserError(
            f"{name} of {dataset.repo} came twice with another SHA-256 than the hub tells: something on the way changes it."
        )


def _transfer(
    hub: Any, dataset: Dataset, name: str, entry: Entry, endpoint: str | None, part: Path, share: _Share
) -> None:
    """Write the file's bytes to `part`, from where it ends, until they are as many as the hub told."""
    url = hub.hf_hub_url(dataset.repo, name, repo_type="dataset", revision=dataset.revision, endpoint=endpoint)
    headers = hub.utils.build_hf_headers(library_name="autoresearch-magic") | {"Accept-Encoding": "identity"}
    if part.is_file() and part.stat().st_size > entry.size:
        part.unlink()
    fruitless = 0
    with part.open("ab") as file:
        share.move(file.tell())
        while (before := file.tell()) < entry.size:
            try:
                _stream(hub, url, headers, file, entry.size, share)
                error: Exception = OSError("its answer ends too early")
            except Exception as raised:
                error = raised
            file.flush()
            fruitless = fruitless + 1 if file.tell() <= before else 0
            if not _of_transport(error) or share.stop.is_set() or _is_final(error) or fruitless == ATTEMPTS:
                raise error
            if file.tell() < entry.size:
                time.sleep(PAUSE * 2**fruitless)


def _stream(hub: Any, url: str, headers: dict[str, str], file: BinaryIO, size: int, share: _Share) -> None:
    """Append what one answer brings."""
    start = file.tell()
    asked = headers | ({"Range": f"bytes={start}-"} if start else {})
    with hub.utils.get_session().stream("GET", url, headers=asked, timeout=30.0) as response:
        hub.utils.hf_raise_for_status(response)
        if start and response.status_code != 206:  # the whole file, whatever was asked for
            file.truncate(0)
            file.seek(0)
            share.move(-start)
        for piece in response.iter_bytes():  # as they come: what waits to fill a piece is lost with the connection
            file.write(piece[: size - file.tell()])
            share.move(len(piece))


class _Share:
    """The one bar that all threads move, and their word that they shall end."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self.stop = threading.Event()
        self._bar, self._lock = bar, threading.Lock()

    def move(self, count: int) -> None:
        """Move the bar.

        Raises
        ------
        InterruptedError
            When it was said to stop.
        """
        if self.stop.is_set():
            raise InterruptedError("stopped")
        with self._lock:
            self._bar.update(count)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_transport(error: BaseException) -> bool:
    """Whether the network or the hub is to blame. The client's HTTP library has had three names so far, so it goes by the first letters."""
    return isinstance(error, OSError) or type(error).__module__.startswith(("http", "requests"))


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _is_final(error: BaseException) -> bool:
    """Whether asking again cannot help: no such file, no permission, no space, offline by the user's wish."""
    status = _status(error)
    return (
        (status is not None and 400 <= status < 500 and status not in (408, 429))
        or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
        or type(error).__name__ == "OfflineModeIsEnabled"
    )


def _reason(error: BaseException) -> str:
    if status := _status(error):
        return f"the hub answers {status}"
    if type(error).__name__ == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set: offline by your wish"
    return " ".join(str(error).split())[:120] or type(error).__name__
