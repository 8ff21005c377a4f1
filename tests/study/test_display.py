"""A study at the end of a cell: state, result and experiments, in Markdown and HTML."""

from html.parser import HTMLParser

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.study.display import MAX_ROWS, listed

from ..studies import finish


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.text = [], [], ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def test_before_the_start_there_is_no_table(make_study):
    study = make_study()
    assert "<table" not in study._repr_html_()
    assert "no baseline yet" in study._repr_markdown_()
    assert Tags(study._repr_html_()).text.startswith(study.name)
    with pytest.raises(UserError, match="its baseline comes first"):
        _ = study.incumbent
    assert study.headline is None


@pytest.mark.slow
def test_after_the_end_it_shows_the_result_and_every_experiment(make_study, script):
    script("X = 2.0\nloss = X  # <b>", "X = 4.0\nloss = X")
    study = finish(make_study(agent="script", metric="loss", program="Lower <it> & _all_"))
    shown = Tags(study._repr_html_()).text
    assert study.name in shown
    assert "measured again" in shown
    assert next(line for line in shown.splitlines() if line in ("baseline", "keep", "discard")) == "baseline"
    assert all(e.summary in shown.replace("\u00a0", " ") for e in study.experiments)
    assert study._repr_markdown_().count("\n| ") == len(study.experiments) + 2, "a head, its rule and a row for each"
    assert study.headline is not None
    assert study.headline.number == study.incumbent.number == 1


@pytest.mark.slow
def test_of_a_long_study_the_kept_and_the_last_are_listed(make_study):
    study = finish(make_study(experiments=MAX_ROWS + 10, judge="strict"))
    rows = listed(study.experiments)
    assert len(rows) <= MAX_ROWS + 1
    numbers = [e.number for e in rows]
    assert numbers == sorted(numbers)
    assert {0, study.incumbent.number, len(study.experiments) - 1} <= set(numbers)
    assert f"{len(study.experiments) - len(rows)} experiments not listed" in study._repr_html_()
