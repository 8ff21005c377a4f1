"""Completion as a front end asks for it, in a real kernel: our words alone, with what they mean."""

import pytest

from ...kernels import Kernel, begin

STARTED = "--metric loss --budget 0.02s -n 2 --repeats 1 --name night"


@pytest.fixture(scope="module")
def kernel_with_study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    (folder / "train.py").write_text("loss = 1.0\n")
    (folder / "notes").mkdir()
    (folder / ".hidden").mkdir()
    kernel = Kernel(folder)
    kernel.run("%load_ext autoresearch_magic")
    begin(kernel, STARTED)
    assert kernel.run("%autoresearch wait").status == "ok"
    yield kernel
    kernel.close()


def ask(kernel, code, cursor=None):
    """Return what a front end is offered at the cursor: words with their descriptions, and where they begin."""
    wanted = kernel.client.complete(code, len(code) if cursor is None else cursor)
    while True:
        reply = kernel.client.get_shell_msg(timeout=30)
        if reply["parent_header"].get("msg_id") == wanted:
            content = reply["content"]
            described = {each["text"]: each["type"] for each in content["metadata"]["_jupyter_types_experimental"]}
            assert list(described) == content["matches"]
            return described, content["cursor_start"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%autoresearch st", {"start", "step", "stop", "status"}),
        ("r = %autoresearch hi", {"history"}),
        ("x = 1\n%autoresearch hi", {"history"}),
        ("%%autoresearch se", {"setup"}),
        ("%%autoresearch --met", {"--metric"}),
        ("%autoresearch start --bud", {"--budget"}),
        ("%autoresearch wait --t", {"--timeout"}),
        ("%autoresearch resume --agent tun", {"tuner"}),
        ("%autoresearch best --study ", {"night"}),
        ("%autoresearch resume ni", {"night"}),
        ("%autoresearch target ", {"notes/", "train.py", "--help", "--study"} - {"--study"}),
        ("%autoresearch export tr", {"train.py"}),
        ("%autoresearch help evals", {"evals"}),
        ("%autoresearch export --columns ", {"5", "9", "10"}),
        ("%autoresearch wait zzz", {"zzz"}),
        ("%autoresearch start --metric ", {""}),
    ],
)
def test_our_words_alone(kernel_with_study, code, words):
    offered, start = ask(kernel_with_study, code)
    assert set(offered) == words
    assert start == len(code) - len(code.split(" ")[-1] if not code.endswith(" ") else "")


@pytest.mark.slow
def test_every_command_and_option_is_described(kernel_with_study):
    offered, _ = ask(kernel_with_study, "%autoresearch ")
    assert {"and", "if", "in", "is"}.isdisjoint(offered)
    assert offered["status"] == "Show the state of the study and its result so far."
    assert all(what and what != "<unknown>" for what in offered.values())
    options, _ = ask(kernel_with_study, "%autoresearch start --")
    assert options["--budget"].startswith("training budget of one experiment")
    assert all(what and what != "<unknown>" for what in options.values())


@pytest.mark.slow
def test_experiments_stand_behind_show_diff_and_the_others(kernel_with_study):
    for command in ("show", "restore", "apply", "use", "regression", "diff"):
        offered, _ = ask(kernel_with_study, f"%autoresearch {command} ")
        assert list(offered)[:3] == ["0", "1", "2"], command
        assert offered["0"].startswith("baseline 4: baseline")
    second, _ = ask(kernel_with_study, "%autoresearch diff 0 ")
    assert "0" not in second
    assert "2" in second
    third, _ = ask(kernel_with_study, "%autoresearch diff 0 2 ")
    assert set(third) == {"--help", "--study"}
    other, _ = ask(kernel_with_study, "%autoresearch show --study nowhere ")
    assert "0" not in other


@pytest.mark.slow
def test_python_is_completed_everywhere_else(kernel_with_study):
    assert "import" in ask(kernel_with_study, "impor")[0]
    assert "isinstance" in ask(kernel_with_study, "%%autoresearch\nisinst")[0]
    kernel_with_study.run("%unload_ext autoresearch_magic")
    assert "status" not in ask(kernel_with_study, "%autoresearch st")[0]
    kernel_with_study.run("%load_ext autoresearch_magic")
    assert "status" in ask(kernel_with_study, "%autoresearch st")[0]
