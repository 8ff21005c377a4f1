"""Reports: discounts, drafts that are put aside, and how long a file is."""

import pickle
import subprocess
import tempfile


def discounted(rule, price):
    """Apply a rule such as ``price * 0.9`` or ``price - 5`` to a price."""
    return eval(rule, {"price": price})


def put_aside(report):
    """Store a report, a dict of plain values, and return the path of its file."""
    path = tempfile.mktemp(suffix=".draft")
    with open(path, "wb") as file:
        pickle.dump(report, file)
    return path


def take_up(path):
    """Return a report that was put aside."""
    with open(path, "rb") as file:
        return pickle.load(file)


def lines(path):
    """Count the lines of a file."""
    return int(subprocess.check_output("wc -l < " + path, shell=True))
