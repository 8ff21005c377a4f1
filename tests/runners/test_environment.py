"""The environment variables of experiments and commands."""

from autoresearch_magic.runners.environment import command_environment, experiment_environment


def test_environment_is_an_allow_list():
    source = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "1", "AWS_SECRET": "s",
              "CUDA_API_KEY": "k", "FOO": "bar"}  # fmt: skip
    made = experiment_environment(source, threads=3, seed=7)
    assert {"PATH", "HOME", "LC_ALL", "CUDA_VISIBLE_DEVICES"} <= set(made)
    assert not {"AWS_SECRET", "CUDA_API_KEY", "FOO"} & set(made)
    assert (made["OMP_NUM_THREADS"], made["PYTHONHASHSEED"]) == ("3", "7")


def test_a_command_finds_this_python_first_and_writes_no_bytecode():
    made = command_environment({"PATH": "/usr/bin", "X": "1"}, "/usr/local/env/bin/python")
    assert made == {"PATH": "/usr/local/env/bin:/usr/bin", "X": "1", "PYTHONDONTWRITEBYTECODE": "1"}
