"""Reading a long journal makes millions of objects that all stay: meanwhile, nothing is looked for that could be freed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector rest within this context, where it works: of 10,000 experiments it would take a quarter of the time."""
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()
