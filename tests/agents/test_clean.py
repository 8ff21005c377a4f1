"""Proposals without keys."""

from autoresearch_magic.agents.clean import clean_failure, clean_proposal
from autoresearch_magic.errors import ProposalFailed
from autoresearch_magic.experiment import Proposal
from autoresearch_magic.source.key_references import put_away

KEY = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
OTHER = "ghp_z1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def test_every_text_of_a_proposal_is_cleaned():
    made = clean_proposal(
        Proposal(
            "X = 1",
            f"s {KEY}",
            f"h {KEY}",
            f"e {KEY}",
            f"a {KEY}",
            reply=f"r {KEY}",
            ideas=(f"i {KEY}",),
            prompt=f"p {KEY}",
        ),
        "X = 0",
    )
    assert KEY not in repr(made) + made.prompt
    assert (made.target, made.failure, made.reply, made.ideas) == ("X = 1", "", "r [key removed]", ("i [key removed]",))


def test_a_version_with_a_new_key_is_refused_with_its_line():
    made = clean_proposal(Proposal(f"X = 1\nT = {KEY!r}", "s"), "X = 0")
    assert made.failure.startswith("The proposed code holds what looks like a key (line 2)")
    assert KEY not in made.target


def test_a_reference_of_the_version_before_stays_and_its_key_becomes_it():
    base = put_away(f"T = {KEY!r}")
    for target in (base, f"T = {KEY!r}"):
        made = clean_proposal(Proposal(f"{target}\nX = 2", "s"), base)
        assert (made.target, made.failure) == (f"{base}\nX = 2", "")


def test_a_key_that_the_repository_tracks_stays_as_git_has_it():
    base = f"T = {OTHER!r}"
    for target in (base, put_away(base)):
        made = clean_proposal(Proposal(f"{target}\nX = 2", "s"), base)
        assert (made.target, made.failure) == (f"{base}\nX = 2", "")


def test_an_agents_failure_is_cleaned():
    failed = ProposalFailed(f"no {KEY}", None, f"r {KEY}", output=f"o {KEY}")
    failed.prompt, failed.ideas = f"p {KEY}", (f"i {KEY}",)
    clean_failure(failed)
    assert (str(failed), failed.reply, failed.output, failed.prompt, failed.ideas) == (
        "no [key removed]", "r [key removed]", "o [key removed]", "p [key removed]", ("i [key removed]",),
    )  # fmt: skip
