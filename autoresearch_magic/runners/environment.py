"""Environment variables of experiments: an allow-list, so that they see none of the user's keys and tokens."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from ..keys.redact import keyed_name

_NAMES = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "TERM",
    "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "CONDA_PREFIX",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR",
    "XDG_CACHE_HOME", "XDG_DATA_HOME", "SSL_CERT_FILE", "SYSTEMROOT",
    # which version of a language or tool the user's shell has chosen, and where it is
    "PYENV_VERSION", "PYENV_ROOT", "CONDA_DEFAULT_ENV", "CONDA_EXE", "UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR", "NVM_DIR", "NVM_BIN",
    "NODE_PATH", "VOLTA_HOME", "FNM_DIR", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR", "PNPM_HOME", "BUN_INSTALL", "RBENV_VERSION",
    "RBENV_ROOT", "GEM_HOME", "GEM_PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE",
    "JAVA_HOME", "SDKMAN_DIR", "GRADLE_USER_HOME", "DOTNET_ROOT",
}  # fmt: skip
_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "HSA_", "OMP_", "MKL_", "OPENBLAS_", "PYTORCH_")


def experiment_environment(
    source: Mapping[str, str] | None = None, *, threads: int, seed: int, extra: Iterable[str] = ()
) -> dict[str, str]:
    """Return the environment of the worker, which every experiment inherits.

    Parameters
    ----------
    source : Mapping, optional
        The environment to select from; by default this process's own.
    threads : int
        For OpenMP and the BLAS libraries.
    seed : int
        For Python's string hashing, so that a set has the same order in every run.
    extra : iterable of str, or Mapping
        Names that the user allows in addition, or also their values, where those are another machine's.
    """
    source = os.environ if source is None else source
    allowed = {n for n in source if n in _NAMES or (n.startswith(_PREFIXES) and not keyed_name(n))}
    if isinstance(extra, Mapping):
        source, allowed = {**source, **extra}, allowed | set(extra)
    chosen = {name: source[name] for name in sorted(allowed | (set(extra) & set(source)))}
    chosen.update({f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")})
    chosen.update(PYTHONHASHSEED=str(seed % 2**32), PYTHONUNBUFFERED="1", MPLBACKEND="Agg")
    return chosen
