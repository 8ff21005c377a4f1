"""Whether a vendor's SDK is installed, without importing it: each process that collects the tests would spend seconds on that."""

import importlib.util

import pytest


def needs_sdk(name: str) -> None:
    """Skip the rest of a test file where an SDK is not installed."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)
