"""The log file of one run's output, limited in size."""

from __future__ import annotations

LOG_HEAD, LOG_TAIL = 1_000_000, 64_000
"""Bytes of output that a log keeps from the beginning and, once that is full, from the end."""


class OutputLog:
    """A log file with the first `LOG_HEAD` and the last `LOG_TAIL` bytes of what a run prints.

    The beginning is written as it comes, the end when the log is closed. A log that cannot be written keeps its `tail` only.

    Attributes
    ----------
    tail : bytes
        The last `LOG_TAIL` bytes so far.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 (closed by close)
        self._written = 0
        self._total = 0
        self._failed = False
        self.tail = b""

    def write(self, data: bytes) -> None:
        """Add output of the run."""
        self._total += len(data)
        self.tail = (self.tail + data)[-LOG_TAIL:]
        if (room := LOG_HEAD - self._written) > 0 and not self._failed:
            try:
                self._written += self._file.write(data[:room])
            except OSError:  # the disk is full: the run itself goes on
                self._failed = True

    def close(self) -> None:
        """Write the end of the output, after a line that says how much is missing, and close the file."""
        try:
            self._write_end()
        except OSError:  # as in `write`
            pass
        self._file.close()

    def _write_end(self) -> None:
        held = min(self._total - self._written, len(self.tail))
        if held > 0:
            cut = self._total - self._written - held
            if cut:
                self._file.write(f"\n[... {cut} bytes of output left out ...]\n".encode())
            self._file.write(self.tail[-held:])
