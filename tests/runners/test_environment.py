"""The environment variables of experiments."""

from autoresearch_magic.runners.environment import experiment_environment


def test_environment_is_an_allow_list():
    source = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "1", "AWS_SECRET": "s",
              "CUDA_API_KEY": "k", "FOO": "bar", "PYENV_VERSION": "3.12", "CARGO_HOME": "/c"}  # fmt: skip
    made = experiment_environment(source, threads=3, seed=7)
    assert {"PATH", "HOME", "LC_ALL", "CUDA_VISIBLE_DEVICES", "PYENV_VERSION", "CARGO_HOME"} <= set(made)
    assert not {"AWS_SECRET", "CUDA_API_KEY", "FOO"} & set(made)
    assert (made["OMP_NUM_THREADS"], made["PYTHONHASHSEED"]) == ("3", "7")
