"""What a study is and what it has found: properties, analysis, exports and the report."""

import pytest

from autoresearch_magic.errors import UserError

from ..studies import finish


@pytest.mark.slow
def test_a_study_that_has_not_begun_has_nothing_to_show(make_study):
    study = make_study(name="fresh")
    assert (study.state, study.experiments, study.headline, study.unconfirmed) == ("new", [], None, False)
    assert study.pruning.stopped == 0
    assert list(study.history["experiment"]) == []
    for ask, said in (
        (lambda: study.incumbent, "fresh has no finished experiment yet"),
        (lambda: study.experiment(3), "There is no experiment 3 in fresh: none is finished yet"),
        (study.briefing, "fresh has no baseline yet"),
    ):
        with pytest.raises(UserError, match=said):
            ask()


@pytest.mark.slow
@pytest.mark.pictures
def test_exports_and_the_report(make_study, tmp_path):
    study = make_study()
    with pytest.raises(UserError, match="nothing to export"):
        study.export(tmp_path / "x.py")
    finish(study)
    assert study.export(tmp_path / "best.py").read_text() == study.incumbent.target
    assert study.export(tmp_path / "h.csv").read_text().count("baseline") >= 1
    assert study.export(tmp_path / "h.tsv").read_text() == (study.folder / "results.tsv").read_text()
    assert '"experiment": 0' in study.export(tmp_path / "h.json").read_text()
    import nbformat

    notebook = nbformat.read(study.export(tmp_path / "best.ipynb"), as_version=4)
    nbformat.validate(notebook)
    assert study.incumbent.target in notebook.cells[2].source
    report = study.report(tmp_path / "out" / "report.md").read_text()
    assert "## From the baseline to the best" in report
    assert (tmp_path / "out" / "progress.png").exists()
    for bad in ("x.docx", "x"):
        with pytest.raises(UserError, match="Cannot export"):
            study.export(bad)
    page = study.report().read_text()
    assert page.startswith("<!doctype html>")
    assert (study.folder / "report.html").is_file()
    with pytest.raises(UserError, match=r"ends in \.html or \.md"):
        study.report("r.txt")
