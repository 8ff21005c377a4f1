"""The link of ``%autoresearch report`` opens the page, in a real JupyterLab and Notebook 7."""

import pytest

from ...lab import run_cell, wait_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    "%load_ext autoresearch_magic\nimport autoresearch_magic as am",
    "study = am.Study('# Lower it', 'X = 3.0\\nloss = (X - 1) ** 2', metric='loss', minimize=True, experiments=2, repeats=1)\n"
    "study.start().wait()\n%autoresearch report",
]


@pytest.mark.parametrize("kind", ["lab"])
def test_the_link_opens_the_report(open_page, kind):
    with open_page(kind=kind, cells=CELLS) as page:
        for number in range(len(CELLS)):
            run_cell(page, number)
        wait_text(page, "Open the report")
        link = page.get_by_role("link", name="Open the report")
        if kind == "lab":  # its own viewer, in a tab of JupyterLab
            link.click()
            shown = page.frame_locator(".jp-HTMLViewer iframe")
        else:
            with page.context.expect_page() as opened:
                link.click()
            shown = opened.value
        shown.get_by_role("heading", name="Lower it").wait_for()
        shown.get_by_role("link", name="How the judge decides").click()
        assert shown.get_by_role("heading", name="How the judge decides").is_visible()
        assert shown.locator("h1").evaluate("e => getComputedStyle(e).fontSize") == "30px", "it has its style"
