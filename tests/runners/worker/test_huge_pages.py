"""The setup's memory in huge pages: which maps are taken, and a real process whose memory is what it was."""

import mmap
import subprocess
import sys

import pytest

from autoresearch_magic.runners.worker import huge_pages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system has no smaps")

SMAPS = b"""\
55d0c0000000-55d0c1000000 rw-p 00000000 00:00 0                          [heap]
Size:              16384 kB
Rss:               16000 kB
Anonymous:         16000 kB
VmFlags: rd wr mr mw me ac
7f0000100000-7f0000700000 rw-p 00000000 00:00 0
Size:               6144 kB
Anonymous:          6144 kB
7f1000000000-7f1000800000 rw-p 00000000 00:00 0
Size:               8192 kB
Anonymous:           100 kB
7f2000000000-7f2000800000 rw-p 00000000 fe:00 338846                     /usr/lib/libtorch.so
Anonymous:          8192 kB
7f3000000000-7f3000800000 rw-s 00000000 00:01 5                          /dev/zero (deleted)
Anonymous:          8192 kB
7f4000000000-7f4000800000 r--p 00000000 00:00 0
Anonymous:          8192 kB
7f5000000000-7f5000800000 rw-p 00000000 00:00 0                          [stack]
Anonymous:          8192 kB
7f6000001000-7f6000201000 rw-p 00000000 00:00 0
Anonymous:          2048 kB
"""


def test_full_maps_that_are_no_files_are_taken_and_what_fits_into_them():
    assert list(huge_pages._anonymous(SMAPS)) == [
        (0x55D0C0000000, 0x55D0C1000000),
        (0x7F0000200000, 0x7F0000600000),
    ]


CHILD = """
import re
from autoresearch_magic.runners.worker.huge_pages import collapse
values = [str(i) * 3 for i in range(400_000)]
def huge():
    return int(re.search(r"AnonHugePages: +(\\d+)", open("/proc/self/smaps_rollup").read())[1])
before, done = huge(), collapse(60.0)
assert values == [str(i) * 3 for i in range(400_000)]
print(before, done, huge())
"""


def test_memory_keeps_its_content_and_is_huge_where_the_system_can():
    said = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout
    before, done, after = map(int, said.split())
    if not can_collapse():
        assert done == 0
        pytest.skip("the system has no MADV_COLLAPSE")
    assert done >= 8 << 20
    assert after - before >= done >> 11, "at least half of it"


def can_collapse():
    """Whether the system can, asked without the package."""
    with mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as pages:
        pages.write(b"x" * (8 << 20))
        try:
            pages.madvise(25)
        except OSError:
            return False
    return True


def test_without_time_nothing_is_done():
    assert huge_pages.collapse(-1.0) == 0


def test_a_system_without_it_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(huge_pages, "_COLLAPSE", 9_999)
    assert huge_pages.collapse(60.0) == 0


def test_where_maps_cannot_be_read_nothing_is_done(monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    assert huge_pages.collapse(60.0) == 0
