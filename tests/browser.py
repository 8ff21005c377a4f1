"""The browser of the browser tests."""

import os
import shutil
from contextlib import contextmanager

import pytest


def chromium():
    """Find the browser, or skip; where it is required, fail."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("AUTORESEARCH_BROWSER") == "required":
            pytest.fail("The browser tests must run here, and there is no chromium.")
        pytest.skip("no chromium on this machine")
    return path


@contextmanager
def browsing():
    """Open a browser for the tests of a module. Playwright may run only once at a time, so none of it is left to the next module."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield browser
        browser.close()
