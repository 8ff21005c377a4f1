"""The chart for slides."""

from io import BytesIO

import pytest
from matplotlib.image import imread

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Verdict
from autoresearch_magic.study.export import export
from autoresearch_magic.study.report.slide import DARK, LIGHT, slide

from .made_up import HEADLINE, experiment, study


@pytest.mark.slow
@pytest.mark.parametrize(("dark", "look"), [(False, LIGHT), (True, DARK)])
def test_it_has_the_size_and_the_background_of_a_slide(tmp_path, dark, look):
    made = study(tmp_path, headline=HEADLINE)
    image = imread(BytesIO(slide(made.status, "png", dark=dark)), format="png")
    assert image.shape[:2] == (1080, 1920)
    assert "#" + "".join(f"{round(255 * c):02x}" for c in image[2, 2, :3]) == look.paper


def test_what_a_slide_says_is_drawn_as_outlines(tmp_path):
    made = study(tmp_path, headline=HEADLINE, program="# Lower <b> & \u4e2d $x^2$\n")
    drawn = slide(made.status, "svg").decode()
    assert drawn.count("<svg ") == 1
    assert "<text" not in drawn, "it looks the same without the font"
    assert "http://" not in drawn.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


@pytest.mark.slow
@pytest.mark.parametrize("experiments", [
    [experiment(0, Verdict.BASELINE, (2.0,))],
    [experiment(0, Verdict.BASELINE, (2.0, 2.0)), experiment(1, Verdict.KEEP, (1e-6,), 0, "x" * 500), experiment(2, Verdict.DISCARD, (1e90,), 1)],
    [experiment(0, Verdict.BASELINE, (-1.0, -1.1)), experiment(1, Verdict.CRASH, (), 0)],
])  # fmt: skip
def test_unusual_studies(tmp_path, experiments):
    assert slide(study(tmp_path, experiments).status, "png").startswith(b"\x89PNG")


def test_it_is_exported_by_its_suffix(tmp_path):
    made = study(tmp_path, headline=HEADLINE)
    assert export(made.status, tmp_path / "a" / "chart.svg", dark=True).read_text().startswith("<?xml")
    with pytest.raises(UserError, match=r"--dark is for a chart, \.png or \.svg, not for 'h\.csv'"):
        export(made.status, tmp_path / "h.csv", dark=True)
    with pytest.raises(UserError, match=r"\.png or \.svg \(the chart for slides\)"):
        export(made.status, tmp_path / "h.docx")
