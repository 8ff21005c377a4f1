"""One thread for linear algebra: the matrices of the tuner are small, and the other cores are for the experiments.

BLAS libraries start a thread on every core by default. For matrices of a hundred rows that gains nothing on an idle machine, and on a
busy one the threads wait for each other: fits that take 0.2 s with one thread were seen to take 20 s with two.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

_lock = threading.RLock()  # the number of threads belongs to the process: two that set and restore it must not overlap


@contextmanager
def one_thread() -> Iterator[None]:
    """Do the linear algebra of a block in one thread."""
    with _lock, _controller().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """Return what controls the libraries that are loaded by now; finding them takes milliseconds."""
    import scipy.linalg  # noqa: F401 - loads its own BLAS

    return ThreadpoolController()
