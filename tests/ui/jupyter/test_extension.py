"""The JupyterLab extension in a real JupyterLab and Notebook 7."""

import base64
import secrets

import pytest
from nbformat import v4

from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.jupyter.saved_picture import SavedPicture

from ...axe import serious
from ...lab import run_cell, wait_text, write_notebook
from ...studies import QUICK

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What a notebook file holds of a study that has run: its panel and the picture below it."""
    study = Study(
        "# Lower it", QUICK, metric="loss", experiments=2, name="seen", root=tmp_path_factory.mktemp("studies")
    )
    study.start()
    assert study.wait(60)
    panel = Panel(study)._repr_mimebundle_()[0]
    bundle = SavedPicture(study)._bundle(study)
    picture = {**bundle, "image/png": base64.b64encode(bundle["image/png"]).decode()}
    return [v4.new_output("display_data", data={**panel, "application/vnd.autoresearch.panel+json": {
        **panel["application/vnd.autoresearch.panel+json"], "summary": "older"}}),
        v4.new_output("display_data", data=picture)]  # fmt: skip


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_a_notebook_without_its_kernel_shows_summary_and_picture_in_place_of_a_missing_model(
    open_page, jupyter_server, outputs, kind
):
    folder = jupyter_server.root / secrets.token_hex(4)
    folder.mkdir()
    write_notebook(folder / "nb.ipynb", [v4.new_code_cell("%autoresearch watch seen", outputs=outputs)])
    with open_page(kind=kind, folder=folder) as page:
        wait_text(page, "%autoresearch watch seen show it again", ".arx-saved")
        shown = page.locator(".arx-saved").inner_text()
        assert "seen" in shown
        assert "against a baseline of" in shown, "the result as it was at the end, which stands beside the picture"
        assert page.locator(".jp-OutputArea-output img").evaluate("image => image.naturalWidth") > 500
        text = page.inner_text("body").lower()
        assert "model not found" not in text
        assert "loading widget" not in text
        assert serious(page, ".arx-saved") == []


TARGET = f"{QUICK}import time; time.sleep(0.2)"
CELLS = [
    "%load_ext autoresearch_magic",
    f"%%autoresearch target\n{TARGET}",
    "%%autoresearch --metric loss -n 3 --name seen\n---\nrepeats: 2\n---\n# Lower it\n- a *small* step",
    "%autoresearch wait",
    "%autoresearch restore 1",
]
RESTORE = """
() => new Promise((resolve) => {
  const detail = { study: "seen", number: 1, source: "X = 7", cell: "%%autoresearch target\\nX = 7", done: (told) => resolve({ handled, told }) };
  const event = new CustomEvent("autoresearch-magic:restore", { bubbles: true, cancelable: true, composed: true, detail });
  const handled = !document.querySelector(".arm-panel").dispatchEvent(event);
})
"""


def source(page, number):
    """Return the text of a cell, as it is shown."""
    return page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").inner_text().rstrip()


def badge(page, text):
    """Wait until the line below the first target cell says something."""
    wait_text(page, text, ".jp-Cell:nth-of-type(2) .arx-badge", 20)


@pytest.mark.timeout(240)
def test_a_version_is_put_into_the_target_cell_which_bears_it_and_ctrl_z_undoes_it(open_page):
    with open_page(kind="lab", cells=CELLS) as page:
        heading, matter = (
            page.locator(f".cm-line:has-text('{text}') span").first for text in ("# Lower it", "repeats: 2")
        )
        assert heading.evaluate("node => getComputedStyle(node).fontWeight") == "700", "the program is Markdown"
        assert matter.evaluate("node => getComputedStyle(node).fontWeight") == "400", (
            "and its front matter is no heading"
        )
        for number in range(3):
            run_cell(page, number)
        page.wait_for_selector(".arx-running:visible:has-text('seen: ')", timeout=30_000)
        badge(page, "target · baseline of seen · loss 4")
        page.evaluate("document.querySelector('.arm-panel').mark = true")
        run_cell(page, 3)
        page.wait_for_selector(".arx-running", state="detached", timeout=60_000)
        run_cell(page, 4)
        wait_text(page, "The target cell now holds version 1 of seen.", ".jp-OutputArea-output")
        version = source(page, 1)
        assert version.startswith("%%autoresearch target\nX = ")
        assert version != CELLS[1]
        badge(page, "target · version 1 of seen · loss ")
        page.keyboard.press("Control+z")
        assert source(page, 1) == CELLS[1]
        badge(page, "target · baseline of seen")

        # The panel's own button asks by an event, and is told what was done.
        page.keyboard.press("Control+End")
        page.keyboard.type("# mine")
        badge(page, "target · edited since the baseline of seen")
        asked = page.evaluate(RESTORE)
        assert asked["handled"]
        assert "holds code that no version of seen has" in asked["told"]
        assert source(page, 1).endswith("# mine")
        assert source(page, 2) == "%%autoresearch target\nX = 7"
        assert serious(page, ".arx-badge") == []

        # A command of the palette runs in a cell of its own.
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement.blur()")
        page.locator(".jp-Cell:nth-of-type(1) .jp-InputPrompt").click()
        page.keyboard.press("Control+Shift+c")
        page.keyboard.type("autoresearch status")
        page.locator(".lm-CommandPalette-item:has-text('Show Status of the Study')").click()
        wait_text(page, "3 of 3 experiments", ".jp-Cell:nth-of-type(2) .jp-OutputArea-output")
        assert page.evaluate("document.querySelector('.arm-panel').mark"), "a living panel is never made anew"
