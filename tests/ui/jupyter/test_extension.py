"""The JupyterLab extension in a real JupyterLab and Notebook 7."""

import base64
import secrets

import pytest
from nbformat import v4

from autoresearch_magic.study.study import Study
from autoresearch_magic.ui.jupyter.panel import Panel
from autoresearch_magic.ui.jupyter.saved_picture import SavedPicture

from ...axe import serious
from ...lab import wait_text, write_notebook
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
        wait_text(page, "%autoresearch watch seen shows it again", ".arx-saved")
        shown = page.locator(".arx-saved").inner_text()
        assert "seen" in shown
        assert "against a baseline of" in shown, "the result as it was at the end, which stands beside the picture"
        assert page.locator(".jp-OutputArea-output img").evaluate("image => image.naturalWidth") > 500
        text = page.inner_text("body").lower()
        assert "model not found" not in text
        assert "loading widget" not in text
        assert serious(page, ".arx-saved") == []
