"""Parquet shards of data sets on the Hugging Face hub: downloaded once, resumable, verified by size and SHA-256.

A data set is pinned to a commit and a validation shard, so that results of different years can be compared. The sizes and
checksums are requested once and kept beside the shards; after that no network is needed.

The hub's own client provides addresses, headers and connections. Its download function is not used: since version 2.3 it deletes
what an interrupted process has downloaded, a dropped connection costs it up to 10 MB, a response that is too short ends it, and it
verifies no checksum.

Not covered here: text files, tokens.
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

import cache_folder
from autoresearch_magic.errors import UserError

INSTALL = "pip install 'autoresearch-magic[lm]'"

PARALLEL = 4
"""Shards downloaded at the same time: one connection rarely uses the whole bandwidth."""
ATTEMPTS = 5
"""Attempts in a row without a new byte before a download fails."""
PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""


@dataclass(frozen=True)
class Dataset:
    """A data set at one commit.

    Attributes
    ----------
    name : str
        Its name as a `SOURCE`.
    repo, revision : str
        Repository on the hub, and its commit.
    train : sequence of str
        Paths of the training shards in the repository, in order.
    validation : str
        Path of the shard that is never trained on.
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
            When there are fewer.
        """
        if not 1 <= shards <= len(self.train):
            raise UserError(
                f"{self.name} has {len(self.train)} training shards: ask for 1 to {len(self.train)}, not {shards}."
            )
        return [*self.train[:shards], self.validation]


DATASETS = {
    dataset.name: dataset
    for dataset in (
        # Eldan & Li 2023, arXiv 2305.07759: stories in a small child's words, which a model of a million weights can write.
        Dataset(
            "tinystories", "roneneldan/TinyStories", "f54c09fd23315a6f9c86f9dc80f725de7d8f9c64",
            [f"data/train-{place:05d}-of-00004-{name}.parquet"
             for place, name in enumerate(("2d5a1467fff1081b", "5852b56a2bd28fd9", "a26307300439e943", "d243063613e5a057"))],
            "data/validation-00000-of-00001-869c898b519ad725.parquet",
        ),
        # Diao et al. 2025, arXiv 2504.13161: web text in an optimised mixture, as shuffled for karpathy/autoresearch, which also
        # uses the last shard for validation.
        Dataset(
            "climbmix", "karpathy/climbmix-400b-shuffle", "915333b4f8b8684f39aeaafea600fea6f43fb703",
            [f"shard_{place:05d}.parquet" for place in range(6542)], "shard_06542.parquet",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A file's size in bytes and its SHA-256, which the hub knows for every file in its large-file store."""

    size: int
    sha256: str | None


def folder(dataset: Dataset) -> Path:
    """Return the folder for the shards: below ``$HF_HOME`` if that is set, because it names a disk for large files."""
    home = os.environ.get("HF_HOME")
    root = Path(home).expanduser() / "autoresearch_magic" if home else cache_folder.root()
    return root / "shards" / dataset.repo.replace("/", "--") / dataset.revision


def local(dataset: Dataset, shards: int) -> list[Path] | None:
    """Return the downloaded files of `Dataset.files`; None if one of them is missing. Uses no network."""
    paths = [folder(dataset) / name for name in dataset.files(shards)]
    return paths if all(path.is_file() for path in paths) else None


def fetch(dataset: Dataset, shards: int, *, endpoint: str | None = None) -> list[Path]:
    """Download the shards that are missing and return the paths of all, the validation shard last.

    A partial download continues where it ended. Several processes may call this at the same time.

    Parameters
    ----------
    dataset : Dataset
    shards : int
        Number of training shards.
    endpoint : str, optional
        The hub's address; by default ``$HF_ENDPOINT`` or huggingface.co.

    Raises
    ------
    UserError
        When the hub cannot be reached or lacks a file, or when a file's content differs from its checksum.
    """
    hub = _hub()
    names = dataset.files(shards)
    root = cache_folder.make(folder(dataset), "HF_HOME or XDG_CACHE_HOME")
    if missing := [name for name in names if not (root / name).is_file()]:
        try:
            entries = _manifest(hub, dataset, missing, endpoint)
            _fetch_all(hub, dataset, {name: entries[name] for name in missing}, endpoint)
        except Exception as error:
            if not _is_network_error(error):
                raise
            where = endpoint or hub.constants.ENDPOINT
            raise UserError(
                f"{dataset.name} cannot be downloaded from {where} ({_reason(error)}): run this again when connected, and it "
                "continues where it stopped; SOURCE = 'embedded' needs no download."
            ) from None
    return [root / name for name in names]


def documents(path: Path) -> Iterator[bytes]:
    """Yield the non-empty documents of a Parquet file: its column ``text``, or its only text column.

    Raises
    ------
    UserError
        When it is not a Parquet file or has no such column.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(f"Parquet needs the library pyarrow: {INSTALL}.") from None
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowInvalid:
        raise UserError(f"{path} is not a complete Parquet file: delete it and download it again.") from None
    with file:
        texts = [
            field.name for field in file.schema_arrow if str(field.type) in ("string", "large_string", "string_view")
        ]
        column = "text" if "text" in texts else texts[0] if len(texts) == 1 else None
        if column is None:
            raise UserError(
                f"{path} has no column 'text' (text columns: {', '.join(texts) or 'none'}): rename the one to train on."
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
            f"A data set on the hub needs the library huggingface_hub: {INSTALL}; SOURCE = 'embedded' does not."
        ) from None
    return huggingface_hub


def _manifest(hub: Any, dataset: Dataset, names: Sequence[str], endpoint: str | None) -> dict[str, Entry]:
    """Return the files' sizes and checksums from ``manifest.json``, requesting those that it lacks."""
    path = folder(dataset) / "manifest.json"
    with FileLock(path.with_suffix(".lock")):
        known = {name: Entry(**entry) for name, entry in json.loads(path.read_text()).items()} if path.is_file() else {}
        if unknown := [name for name in names if name not in known]:
            infos = hub.HfApi(endpoint=endpoint).get_paths_info(
                dataset.repo, unknown, repo_type="dataset", revision=dataset.revision
            )
            known |= {file.path: Entry(file.size, file.lfs.sha256 if file.lfs else None) for file in infos}
            if absent := [name for name in unknown if name not in known]:
                raise UserError(f"{dataset.repo} has no file {absent[0]} at revision {dataset.revision[:12]}.")
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
        progress = _Progress(bar)
        jobs = [pool.submit(_fetch, hub, dataset, name, entry, endpoint, progress) for name, entry in entries.items()]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # an interrupt too: the threads see it at their next chunk and keep what they have
            progress.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _fetch(hub: Any, dataset: Dataset, name: str, entry: Entry, endpoint: str | None, progress: _Progress) -> None:
    """Download one file; it gets its name only when it is complete and verified."""
    path = folder(dataset) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.is_file():  # another process has downloaded it
            progress.add(entry.size)
            return
        part = path.with_name(path.name + ".part")
        for _ in range(
            2
        ):  # on a wrong checksum once more from the start: the partial file may have held another content
            _transfer(hub, dataset, name, entry, endpoint, part, progress)
            if entry.sha256 in (None, _sha256(part)):
                part.replace(path)
                return
            part.unlink()
            progress.add(-entry.size)
        raise UserError(
            f"{name} of {dataset.repo} was downloaded twice with another SHA-256 than the hub states: a proxy may be changing it."
        )


def _transfer(
    hub: Any, dataset: Dataset, name: str, entry: Entry, endpoint: str | None, part: Path, progress: _Progress
) -> None:
    """Append the file's missing bytes to `part` until it has the size that the hub states."""
    url = hub.hf_hub_url(dataset.repo, name, repo_type="dataset", revision=dataset.revision, endpoint=endpoint)
    headers = hub.utils.build_hf_headers(library_name="autoresearch-magic") | {"Accept-Encoding": "identity"}
    if part.is_file() and part.stat().st_size > entry.size:
        part.unlink()
    failures = 0
    with part.open("ab") as file:
        progress.add(file.tell())
        while (before := file.tell()) < entry.size:
            try:
                _stream(hub, url, headers, file, entry.size, progress)
                error: Exception = OSError("its response ended too early")
            except Exception as raised:
                error = raised
            file.flush()
            failures = failures + 1 if file.tell() <= before else 0
            if not _is_network_error(error) or progress.stop.is_set() or _is_final(error) or failures == ATTEMPTS:
                raise error
            if file.tell() < entry.size:
                time.sleep(PAUSE * 2**failures)


def _stream(hub: Any, url: str, headers: dict[str, str], file: BinaryIO, size: int, progress: _Progress) -> None:
    """Append the content of one response."""
    start = file.tell()
    sent = headers | ({"Range": f"bytes={start}-"} if start else {})
    with hub.utils.get_session().stream("GET", url, headers=sent, timeout=30.0) as response:
        hub.utils.hf_raise_for_status(response)
        if start and response.status_code != 206:  # the server ignores Range and sends the whole file
            file.truncate(0)
            file.seek(0)
            progress.add(-start)
        for (
            chunk
        ) in response.iter_bytes():  # no fixed size: bytes waiting to fill a chunk would be lost with the connection
            file.write(chunk[: size - file.tell()])
            progress.add(len(chunk))


class _Progress:
    """The progress bar that all threads share, and their signal to stop."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self.stop = threading.Event()
        self._bar, self._lock = bar, threading.Lock()

    def add(self, count: int) -> None:
        """Advance the bar by `count` bytes.

        Raises
        ------
        InterruptedError
            When `stop` is set.
        """
        if self.stop.is_set():
            raise InterruptedError("stopped")
        with self._lock:
            self._bar.update(count)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_network_error(error: BaseException) -> bool:
    """Whether an error comes from the network or the hub; by module name, since the client's HTTP library has had three names."""
    return isinstance(error, OSError) or type(error).__module__.startswith(("http", "requests"))


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _is_final(error: BaseException) -> bool:
    """Whether a retry cannot help: no such file, no permission, no disk space, or the user has asked to stay offline."""
    status = _status(error)
    return (
        (status is not None and 400 <= status < 500 and status not in (408, 429))
        or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
        or type(error).__name__ == "OfflineModeIsEnabled"
    )


def _reason(error: BaseException) -> str:
    if status := _status(error):
        return f"the hub responded with status {status}"
    if type(error).__name__ == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set, so the hub is not contacted"
    return " ".join(str(error).split())[:120] or type(error).__name__
