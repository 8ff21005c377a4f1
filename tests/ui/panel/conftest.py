import pytest

from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.panel.assets import page_script, page_style
from autoresearch_magic.ui.panel.opening import open_session

from ...browser import browsing
from ...kernels import TARGET
from .page import HOLDS, MODEL


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture
def study(tmp_path):
    """A study that was never started: a test fills its status."""
    made = Study("# Lower it", TARGET, metric="loss", experiments=1000, repeats=2, budget="5s", root=tmp_path)
    yield made
    made.stop()


@pytest.fixture
def page(browser, study):
    """A page with the front end loaded, whose messages are answered by a `PanelSession` of the study."""
    page = browser.new_page(viewport={"width": 1000, "height": 900}, reduced_motion="reduce")
    errors, answers = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    session = open_session(
        study, lambda content, buffers=None: answers.append([content, [b.decode("latin-1") for b in buffers or ()]])
    )
    session.in_thread = lambda work: work()  # answers that take long are awaited here

    def answer(content):
        answers.clear()
        session.take(content)
        return list(answers)

    page.expose_function("toPython", answer)
    page.session = session
    page.set_content(f"<style>{page_style()}</style>")
    page.add_script_tag(content=HOLDS)
    page.add_script_tag(content=MODEL)
    page.add_script_tag(
        content=page_script().replace("export default { render };", "window.render = render;"), type="module"
    )
    page.wait_for_function("Boolean(window.render)")
    yield page
    page.close()
    assert not errors, errors
