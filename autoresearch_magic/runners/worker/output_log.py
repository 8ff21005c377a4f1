"""The log file of one run's output, limited in size."""

from __future__ import annotations

from contextlib import suppress

from ...keys.redact import StreamCleaner, cleaned_bytes
from .log_place import open_log, settle

LOG_HEAD, LOG_TAIL = 1_000_000, 64_000
"""Bytes of output that a log keeps from the beginning and, once that is full, from the end."""

_MORE = 4096
"""Bytes before the end that are read with it, and the longest line that is written whole."""


class OutputLog:
    """A log file with the first `LOG_HEAD` and the last `LOG_TAIL` bytes of what a run prints, without what looks like a key.

    The beginning is written line by line as it comes, the end when the log is closed. A log that cannot be written keeps its `tail` only.

    Attributes
    ----------
    problem : str
        Why the file is not at its place; empty where it is.
    printed : bytes or None
        What the file holds, once it is closed, where it could not be put at its place.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file, self.problem = open_log(path)
        self.printed: bytes | None = None
        self._written = 0
        self._total = 0
        self._failed = False
        self._cleaner = StreamCleaner()
        self._end = b""  # with more than the tail: a key may begin before it

    def write(self, data: bytes) -> None:
        """Add output of the run."""
        self._total += len(data)
        self._end = (self._end + data)[-LOG_TAIL - _MORE :]
        if (room := LOG_HEAD - self._written) > 0 and not self._failed:
            if len(data) > room:  # to the end of a line, where that is near: a key is not cut in two
                room = data.find(b"\n", room, room + _MORE) + 1 or room
            self._written += len(data[:room])
            try:
                self._file.write(self._cleaner.feed(data[:room]))
            except OSError:  # the disk is full: the run itself goes on
                self._failed = True

    @property
    def tail(self) -> bytes:
        """The last `LOG_TAIL` bytes so far, or fewer where a key was taken out."""
        return self._last(LOG_TAIL)

    def _last(self, count: int) -> bytes:
        """Return the last bytes of the output without keys, so many as were printed."""
        before = cleaned_bytes(self._end[:-count]) if count < len(self._end) else b""
        whole = cleaned_bytes(self._end)
        return whole[len(before) :] if whole.startswith(before) else whole[-count:]

    def close(self) -> None:
        """Write the end of the output, after a line that says how much is missing, and close the file."""
        try:
            self._write_end()
        except OSError:  # as in `write`
            pass
        if problem := settle(self._file, self._path):
            with suppress(OSError):
                self._file.seek(0)
                self.printed = self._file.read()
        self.problem = problem
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is, in a fork that must not write to it."""
        self._file.close()

    def _write_end(self) -> None:
        self._file.write(self._cleaner.flush())
        held = min(self._total - self._written, LOG_TAIL)
        if held > 0:
            cut = self._total - self._written - held
            if cut:
                self._file.write(f"\n[... {cut} bytes of output left out ...]\n".encode())
            self._file.write(self._last(held))
