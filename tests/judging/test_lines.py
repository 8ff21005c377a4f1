"""Which line of work goes on, which ends, and what two have found."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autoresearch_magic.experiment import Experiment, Proposal, Verdict
from autoresearch_magic.judging.lines import (
    ENDED,
    GRACE,
    MOVED,
    OF,
    OPENING,
    Lines,
    ancestor,
    expected_improvement,
    gains_of,
    near_miss,
    next_line,
    to_end,
    together,
    worth,
)  # fmt: skip

Note = tuple[str, Mapping[str, int]]


def of(line: int, *experiments: int) -> list[Note]:
    return [(OF, {"line": line, "experiment": n}) for n in experiments]


def moved(line: int, n: int, at: int | None = None) -> Note:
    return MOVED, {"line": line, "experiment": n, "at": n + 1 if at is None else at, "since": n}


def begun() -> list[Note]:
    """Line 1 has moved to 1 and 2, line 2 has begun at 4 of 3, 4 and 5."""
    return [
        *of(1, 1),
        moved(1, 1),
        *of(1, 2),
        moved(1, 2),
        *of(2, 3, 4, 5),
        (MOVED, {"line": 2, "experiment": 4, "at": 6, "since": 4}),
    ]


def test_notes_tell_trunks_members_and_openings() -> None:
    lines = Lines.read(3, begun(), judged=6)
    first, second, third = lines.lines
    assert (first.trunk, first.tried, first.opening) == ((0, 1, 2), (1, 2), ())
    assert (second.trunk, second.tried, second.opening) == ((4,), (), (3, 4, 5))
    assert third.version is None
    assert lines.versions() == {2, 4}


def test_a_version_without_a_verdict_is_none_yet() -> None:
    assert Lines.read(2, begun(), judged=2).lines[0].trunk == (0, 1)


def test_a_proposal_that_was_lost_with_its_process_belongs_to_the_line_of_the_new_one() -> None:
    lines = Lines.read(2, [*of(1, 1), *of(2, 1)], judged=1)
    assert [line.members for line in lines.lines] == [(), (1,)]
    assert lines.of == {1: 2}


def test_fewer_lines_than_before_and_what_belonged_to_the_others() -> None:
    lines = Lines.read(1, begun(), judged=6)
    assert len(lines.lines) == 1
    assert lines.line_of(4) == 1


def test_levels_are_followed_while_a_line_needs_them() -> None:
    lines = Lines.read(2, begun(), judged=6)
    assert lines.followed(3) >= {3}
    assert lines.followed(5) >= {3, 4, 5}
    assert lines.followed(6) & {3, 4, 5} == {4}
    ended = lines.after(ENDED, {"line": 2, "at": 9})
    assert 4 in ended.followed(8)
    assert 4 not in ended.followed(9)
    assert (ended.starts, ended.lines[1].life, ended.lines[1].version) == ((4,), 2, None)


def test_gains_of_a_line_are_those_of_its_versions() -> None:
    line = Lines.read(1, [*of(1, 1, 2, 3), moved(1, 1), moved(1, 3)], judged=4).lines[0]
    levels = {0: 0.0, 1: 2.0, 2: 9.0, 3: 2.5}
    assert gains_of(line, levels.get) == [2.0, 0.0, 0.5]


def test_the_first_line_goes_on_while_it_gains_and_another_begins_when_it_does_not() -> None:
    levels = {0: 0.0, 1: 1.0, 2: 2.0}
    gaining = Lines.read(3, [*of(1, 1), moved(1, 1), *of(1, 2), moved(1, 2)], judged=3)
    assert next_line(gaining, levels.get, 2, 2) == 1
    stuck = Lines.read(3, [*begun()[:4], *of(1, *range(3, 40))], judged=40)
    levels |= dict.fromkeys(range(3, 40), 0.0)
    assert next_line(stuck, levels.get, 2, 39) == 2


def test_where_nothing_gains_anything_the_other_lines_begin_after_the_first_ones_grace() -> None:
    levels = {0: 0.0} | dict.fromkeys(range(1, GRACE + 2), -1.0)
    early = Lines.read(3, of(1, *range(1, GRACE)), judged=GRACE)
    assert next_line(early, levels.get, 0, GRACE - 1) == 1
    later = Lines.read(3, of(1, *range(1, GRACE + 1)), judged=GRACE + 1)
    assert next_line(later, levels.get, 0, GRACE) == 2
    assert next_line(later, levels.get, 0, GRACE, {2: 1}) == 3


def test_proposals_without_a_verdict_count() -> None:
    levels = {0: 0.0, 1: 1.0, 2: 2.0}
    stuck = Lines.read(2, [*begun()[:4], *of(1, *range(3, 40))], judged=40)
    alone, beside = (worth(stuck, levels.get, 2, 39, pending) for pending in ({}, {1: 5}))
    assert beside.lines[1] < alone.lines[1]


def test_a_line_ends_after_its_grace_where_it_stays_far_behind() -> None:
    tried = range(6, 6 + GRACE)
    levels = {0: 0.0, 1: 5.0, 2: 10.0, 3: -6.0, 4: -5.0, 5: -9.0} | dict.fromkeys(tried, -7.0)
    young = Lines.read(2, [*begun(), *of(2, *tried[:-1])], judged=30)
    assert len(young.lines[1].members) == OPENING + GRACE - 1
    assert to_end(young, levels.get, 2, 29) is None
    old = Lines.read(2, [*begun(), *of(2, *tried)], judged=30)
    ended = to_end(old, levels.get, 2, 29)
    assert ended is not None
    assert ended.number == 2


def test_the_line_with_the_best_version_never_ends() -> None:
    tried = range(6, 60)
    levels = {0: 0.0, 1: 1.0, 2: 2.0, 3: 1.0, 4: 30.0, 5: 1.0} | dict.fromkeys(tried, 0.0)
    lines = Lines.read(2, [*begun(), *of(2, *tried)], judged=60)
    assert (ended := to_end(lines, levels.get, 4, 59)) is None or ended.number == 1


def test_a_line_that_climbs_goes_on_though_it_is_behind() -> None:
    tried = range(6, 6 + GRACE)
    notes = [*begun(), *of(1, *range(20, 50))]
    for n in tried:
        notes += [*of(2, n), moved(2, n)]
    levels = {0: 0.0, 1: 5.0, 2: 10.0, 3: -30.0, 4: -20.0, 5: -40.0} | {n: -20.0 + 2 * (n - 5) for n in tried}
    lines = Lines.read(2, notes, judged=50)
    assert to_end(lines, levels.get, 2, 49) is None
    assert next_line(lines, levels.get, 2, 49) == 2


def history(*parents: int | None) -> list[Experiment]:
    return [Experiment(n, p, Proposal(f"x = {n}", f"{n}"), verdict=Verdict.DISCARD) for n, p in enumerate(parents)]


def test_the_common_ancestor_of_two_versions() -> None:
    experiments = history(None, 0, 1, 1, 3)
    assert ancestor(2, 4, experiments) == 1
    assert ancestor(4, 3, experiments) == 3
    assert ancestor(0, 4, experiments) == 0


def test_what_another_line_has_gained_is_tried_together_and_what_it_lost_is_not() -> None:
    experiments = history(None, 0, 1, 0, 0, 0)
    lines = Lines.read(2, [*begun(), *of(1, *range(20, 50))], judged=50)
    assert together(lines, {0: 0.0, 1: 1.0, 2: 2.0, 4: 1.5}.get, 2, experiments) == [4]
    assert together(lines, {0: 0.0, 1: 1.0, 2: 2.0, 4: -1.5}.get, 2, experiments) == []


def test_a_near_miss_is_one_that_no_line_has_been_at() -> None:
    experiments = history(None, 0, 1, 0, 0, 0)
    lines = Lines.read(2, begun(), judged=6)
    levels = {0: 0.0, 1: 1.0, 2: 9.0, 3: 0.5, 4: 8.0, 5: 0.2}
    assert near_miss(lines, levels.get, experiments) == 3
    assert near_miss(lines, {}.get, experiments) is None


def test_expected_improvement() -> None:
    assert expected_improvement(1.0, 0.0) == 1.0
    assert expected_improvement(-1.0, 0.0) == 0.0
    assert expected_improvement(0.0, 1.0) == pytest.approx(0.3989, abs=1e-4)
