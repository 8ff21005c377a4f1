"""Winners one by one: which keeps apply alone, what is run, and the branches in a real repository."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.experiment import Experiment, Proposal, Verdict
from autoresearch_magic.source.files import join
from autoresearch_magic.study.study import Study
from autoresearch_magic.study.winners import units_of
from autoresearch_magic.ui.commands.table import run
from autoresearch_magic.ui.session import Place, Session
from tests.repositories import changed, repository, run_git, state
from tests.studies import Script, finish

A, B = "X = 3\n\n\n\n\n\nY = 3\n", "Z = 5\n"
BENCH = "import sys\nsys.path.insert(0, 'src')\nimport a, b\nprint('ms:', a.X * 1000 + a.Y * 100 + b.Z * 1000)\n"


def kept(number, parent, target):
    return Experiment(
        number, parent, Proposal(target, f"idea {number}"), verdict=Verdict.KEEP if number else Verdict.BASELINE
    )


def chain(*targets):
    return [kept(i, i - 1 if i else None, target) for i, target in enumerate(targets)]


def numbers(experiments, wanted):
    return [
        [e.number for e in unit.experiments] for unit in units_of(experiments[0], experiments[1:], wanted, experiments)
    ]


def test_changes_of_other_lines_are_units_of_their_own():
    es = chain("a\nb\nc\n", "A\nb\nc\n", "A\nB\nc\n", "A\nB\nC\n")
    units = units_of(es[0], es[1:], [1, 2, 3], es)
    assert [u.target for u in units] == ["A\nb\nc\n", "a\nB\nc\n", "a\nb\nC\n"]
    assert numbers(es, [2]) == [[2]]


def test_a_keep_that_needs_an_earlier_one_is_grouped_with_it_alone():
    es = chain("a\nb\nc\n", "a\nB\nc\n", "A\nB\nc\n", "A2\nB\nc\n")
    assert numbers(es, [1, 2, 3]) == [[1], [2, 3]]
    assert numbers(es, [3]) == [[2, 3]]
    assert [u.target for u in units_of(es[0], es[1:], [3], es)] == ["A2\nb\nc\n"]


def make(tmp_path, *targets, name="fast", **settings):
    top = repository(tmp_path / "repo", {"src/a.py": A, "src/b.py": B, "bench.py": BENCH, "README": "hello\n"})
    study = Study(
        "# Fast", metric="ms", minimize=True, scope="src/**", verify="python bench.py", repo=str(top), repeats=2, experiments=len(targets),
        name=name, root=tmp_path / "studies", **settings,
    )  # fmt: skip
    study._agent = Script(*(target(study.definition.target) for target in targets))
    finish(study)
    for number in set(range(1, len(targets) + 1)) - study.status.proven:
        study.run_again(number).wait()  # one run alone proves nothing
    return top, study


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Return a study that has kept three changes, of which the second builds on the first, and its repository."""
    first = "X = 2\n\n\n\n\n\nY = 3\n"
    return make(
        tmp_path_factory.mktemp("each"),
        lambda t: changed(t, src__a_py=first),
        lambda t: changed(t, src__a_py=first.replace("2", "1")),
        lambda t: changed(t, src__a_py=first.replace("2", "1"), src__b_py="Z = 4\n"),
    )


@pytest.mark.slow
def test_each_winner_is_a_commit_of_its_own_with_its_own_value_and_the_checkout_is_not_touched(ended):
    top, study = ended
    assert [e.verdict for e in study.experiments] == ["baseline", "keep", "keep", "keep"]
    before, head = state(top), run_git(top, "rev-parse", "HEAD").strip()
    text = study.ask_winners(samples=2).wait() and study.apply_winners()
    assert "Branch fast-winners: 2 commits" in text
    assert "1 and 2 (together: the last does not apply alone)" in text
    log = run_git(top, "log", "--reverse", "--format=%B%x00", f"{head}..fast-winners").split("\0")
    assert "ms 8300 -> 6300, by itself on top of" in log[0].replace(".0", "")
    assert "Experiment: 1\nExperiment: 2\nStudy: fast\nMetric: ms=6300.0" in log[0]
    assert "Experiment: 3\nStudy: fast\nMetric: ms=7300.0" in log[1]
    assert "95% interval" in log[1]
    assert run_git(top, "diff", "--name-only", "fast-winners~1", "fast-winners").split() == ["src/b.py"]
    assert run_git(top, "show", "fast-winners:src/a.py").startswith("X = 1\n")
    assert run_git(top, "show", "fast-winners:README") == "hello\n"
    after = state(top)
    assert [ref for ref in after.pop("refs") if "fast-winners" not in ref] == before.pop("refs")
    assert after == before
    with pytest.raises(UserError, match="There is a branch fast-winners already"):
        study.ask_winners()


@pytest.mark.slow
def test_each_branch_has_one_winner_on_top_of_the_base(ended):
    top, study = ended
    head = run_git(top, "rev-parse", "HEAD").strip()
    session = Session(study.folder.parent, Place.SHELL)
    with pytest.raises(UserError, match="leave the number out"):
        run(session, f"apply 1 --each --study {study.name}")
    study.ask_winners("branches", samples=2).wait()
    assert "Branches fast-winner-1-2, fast-winner-3: 2 commits" in study.apply_winners("branches")
    for name, path in (("fast-winner-1-2", "src/a.py"), ("fast-winner-3", "src/b.py")):
        assert run_git(top, "rev-parse", f"{name}~1").strip() == head
        assert run_git(top, "diff", "--name-only", head, name).split() == [path]


@pytest.mark.slow
def test_what_does_not_pass_the_guard_alone_gets_no_commit(tmp_path):
    guard = "python -c \"import sys; sys.path.insert(0,'src'); import a, b; assert b.Z == 5 or a.X == 2, 'Z needs X'\" && echo '3 passed'"
    top, study = make(
        tmp_path, lambda t: changed(t, src__a_py=A.replace("X = 3", "X = 2")),
        lambda t: changed(t, src__a_py=A.replace("X = 3", "X = 2"), src__b_py="Z = 4\n"), guard=guard,
    )  # fmt: skip
    assert [e.verdict for e in study.experiments] == ["baseline", "keep", "keep"]
    study.ask_winners(samples=2).wait()
    text = study.apply_winners()
    assert "no commit   experiment 2 step 2: the guard does not pass without the other changes" in text
    assert run_git(top, "rev-list", "--count", "HEAD..fast-winners").strip() == "1"


@pytest.mark.slow
def test_a_study_of_a_cell_is_told_what_to_do_instead(tmp_path):
    study = Study(
        "Lower it", "X = 3.0\nloss = X\n", metric="loss", minimize=True, root=tmp_path, experiments=1, repeats=1
    )
    with pytest.raises(UserError, match="this study is of a cell: %autoresearch restore N"):
        study.ask_winners()


def test_join_is_what_the_units_are_made_of():
    one = join({"src/a.py": A, "src/b.py": B})
    es = chain(one, changed(one, src__b_py="Z = 4\n"), changed(one, src__b_py="Z = 4\n", src__a_py="X = 1\n" + A[6:]))
    assert [u.target for u in units_of(es[0], es[1:], [2], es)] == [changed(one, src__a_py="X = 1\n" + A[6:])]
