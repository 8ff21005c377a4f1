"""Where the browser of the browser tests is."""

import os
import shutil

import pytest


def chromium():
    """Find the browser, or skip; where it is required, fail."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("AUTORESEARCH_BROWSER") == "required":
            pytest.fail("The browser tests must run here, and there is no chromium.")
        pytest.skip("no chromium on this machine")
    return path
