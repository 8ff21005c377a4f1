"""The report in a real browser, opened as a file."""

import pytest

from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study.report.write import write_report

from ...axe import serious
from ...browser import browsing
from .made_up import HEADLINE, experiment, study, typical

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


LONG = "word" * 60 + " <script>document.title = 'broken'</script>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_by_itself(browser, tmp_path, scheme):
    more = [
        experiment(8, Verdict.DISCARD, (1e12,), 4, LONG, f"x = 1\n{LONG!r}\n", LONG),
        experiment(9, Verdict.KEEP, (0.9,), 4, LONG),
    ]
    path = write_report(
        study(tmp_path, [*typical(), *more], headline=HEADLINE, program=f"# {LONG}\n"), tmp_path / "r.html"
    )
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(path.as_uri())
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert dark == (scheme == "dark")
    assert page.locator("svg.wide").is_visible()
    page.get_by_role("link", name="What failed").click()
    page.get_by_text("What it printed").click()
    assert page.get_by_text("Traceback").is_visible()
    for width in (1280, 480):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious(page, "body") == []
    assert page.locator("svg.narrow").is_visible()
    assert not page.locator("svg.wide").is_visible()
    assert "broken" not in page.title().split()[0]
    assert {url.partition("#")[0] for url in asked} == {path.as_uri()}
    assert errors == []
    context.close()
