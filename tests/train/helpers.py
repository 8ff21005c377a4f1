"""Ways to run the scripts of train/ in a process of their own, and to write Parquet files."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRAIN = ROOT / "train"


def run(*arguments, program="prepare.py", code="", **environment):
    """Run a script of train/, or code in its place, on the CPU."""
    command = [sys.executable, *(["-c", code] if code else [str(TRAIN / program)]), *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{TRAIN}",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        **environment,
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)


def write_parquet(path, **columns):
    """Write the columns into a Parquet file with two rows per group, and return its path."""
    import pyarrow as arrow
    from pyarrow.parquet import write_table

    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(arrow.table(columns), path, row_group_size=2)
    return path
