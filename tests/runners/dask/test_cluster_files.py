"""The files of docs/clusters: what they hand to Dask's workers is what Dask reads."""

import ast
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from click.testing import CliRunner
from dask.utils import parse_timedelta
from distributed.cli.dask_worker import main

FILE = Path(__file__).parents[3] / "docs" / "clusters" / "slurm.py"


def test_the_workers_of_slurm_have_options_that_dask_reads():
    calls = [node for node in ast.walk(ast.parse(FILE.read_text())) if isinstance(node, ast.Call)]
    options = {each.arg: each.value for call in calls for each in call.keywords}
    words = ast.literal_eval(options["worker_extra_args"])
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert parse_timedelta(given["--lifetime"]) > parse_timedelta(given["--lifetime-stagger"]) > 0
    hours, minutes, seconds = map(int, ast.literal_eval(options["walltime"]).split(":"))
    assert (
        parse_timedelta(given["--lifetime"]) + parse_timedelta(given["--lifetime-stagger"])
        < 3600 * hours + 60 * minutes + seconds
    )
    known = CliRunner().invoke(main, ["--help"]).output
    assert all(name in known for name in given)
