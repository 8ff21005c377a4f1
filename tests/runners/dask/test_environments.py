import sys
from dataclasses import replace

from autoresearch_magic.runners.dask.environments import Environment, choose, this_environment
from autoresearch_magic.runners.walls import Walls

ONE = Environment("1 (aa)", "3.11.7", "Linux x86_64", "Xeon", "2.13.0", 8, (), 4, {"numpy": "2.4.6"})
NAMES = {"a": "one", "b": "two", "c": "three"}


class TestChoose:
    def test_equal_workers_are_used_and_nothing_is_told(self):
        choice = choose({"a": ONE, "b": ONE}, NAMES, ONE, timed=True)
        assert (choice.used, choice.left_out, choice.notes) == (("a", "b"), {}, ())
        assert choice.kinds == {ONE.kind}

    def test_another_version_of_this_package_is_refused(self):
        choice = choose({"a": ONE, "b": replace(ONE, package="1 (bb)")}, NAMES, ONE, timed=False)
        assert choice.used == ("a",)
        assert choice.notes == (
            "Dask worker two is not used: it has autoresearch_magic 1 (bb), and the study 1 (aa): install the same one there.",
        )

    def test_where_times_are_compared_the_largest_group_is_used(self):
        gpu = replace(ONE, gpus=("H200",))
        choice = choose({"a": gpu, "b": ONE, "c": ONE}, NAMES, ONE, timed=True)
        assert choice.used == ("b", "c")
        assert (
            "one is not used: it differs from the 2 used ones, and times are compared: device 1 x H200"
            in choice.notes[0]
        )

    def test_where_they_are_not_all_are_used_and_differences_are_told(self):
        other = replace(ONE, torch="2.5.0", python="3.12.1", packages={"numpy": "1.26"})
        choice = choose({"a": ONE, "b": other}, NAMES, ONE, timed=False)
        assert choice.used == ("a", "b")
        assert choice.kinds == frozenset()
        assert choice.notes == (
            "Dask worker two differs from one: Python 3.12.1 (3.11.7); torch 2.5.0 (2.13.0); numpy 1.26 (2.4.6). Values may differ as well.",
        )

    def test_other_versions_than_the_kernels_are_told(self):
        here = replace(ONE, python="3.12.1", gpus=("H200",))
        assert choose({"a": ONE}, NAMES, here, timed=True).notes == (
            "Experiments run with other versions than this process has: Python 3.11.7 (3.12.1).",
        )

    def test_a_worker_that_cannot_be_strict_is_not_used(self):
        choice = choose({"a": replace(ONE, refused="--sandbox strict: no.")}, NAMES, ONE, timed=True)
        assert choice.used == ()
        assert choice.notes == ("Dask worker one is not used: --sandbox strict: no.",)

    def test_many_packages_are_counted(self):
        other = replace(ONE, packages={f"p{n}": "1" for n in range(9)})
        assert other.differences(ONE)[-1] == "4 more packages"


def test_this_environment_is_this_one():
    found = this_environment(3, Walls("strict", "loopback"))
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.threads == 3
    assert found.packages["psutil"]
    assert found.refused.startswith("--sandbox strict: nothing can tell this machine's servers")
    assert this_environment(3).kind == this_environment(3).kind
