"""The environment of an experiment: an allow-list, so that no key or token of the user's reaches it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

_EXACT = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "TERM",
    "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "CONDA_PREFIX",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR",
    "XDG_CACHE_HOME", "XDG_DATA_HOME", "SSL_CERT_FILE", "SYSTEMROOT",
}  # fmt: skip
_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "HSA_", "OMP_", "MKL_", "OPENBLAS_", "PYTORCH_")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


def experiment_environment(
    source: Mapping[str, str] | None = None, *, threads: int, seed: int, extra: Iterable[str] = ()
) -> dict[str, str]:
    """Build the environment of the worker, and so of every experiment.

    Parameters
    ----------
    source : Mapping, optional
        The environment to choose from; the process's own by default.
    threads : int
        For OpenMP and the BLAS libraries.
    seed : int
        For Python's string hashing, so that the order of a set is the same in every run.
    extra : iterable of str
        Names to let through besides, because the user said so.

    Returns
    -------
    dict
    """
    source = os.environ if source is None else source
    allowed = {n for n in source if n in _EXACT or (n.startswith(_PREFIXES) and not _SECRET.search(n))}
    chosen = {name: source[name] for name in sorted(allowed | (set(extra) & set(source)))}
    chosen.update({f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")})
    chosen.update(PYTHONHASHSEED=str(seed % 2**32), PYTHONUNBUFFERED="1", MPLBACKEND="Agg")
    return chosen
