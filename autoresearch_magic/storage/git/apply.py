"""Applying the result of a study: one commit on the user's branch.

This is the only code that changes the user's checkout, and it runs only on request. Nothing is pushed.
"""

from __future__ import annotations

from ...errors import UserError
from .checkout import Checkout, check_idle, head_of, listed, uncommitted
from .command import GitFailed, git


def apply(checkout: Checkout, commit: str, message: str) -> str:
    """Commit the changes of an experiment's commit to the user's branch, as one commit.

    Parameters
    ----------
    checkout : Checkout
        As the study found it; the branch may have new commits since.
    commit : str
        The experiment's.
    message : str
        The new commit's.

    Returns
    -------
    str
        The new commit's hash.

    Raises
    ------
    UserError
        When the checkout has uncommitted changes, the changes conflict, or the like; nothing is changed then.
    """
    top = checkout.folder
    if not top.is_dir():
        raise UserError(f"The repository is no longer at {top}.")
    head, branch = head_of(top)
    if not branch:
        raise UserError(
            f"HEAD of {top} is detached: switch to the branch that should get the commit (git switch NAME) first."
        )
    check_idle(top)
    if changed := uncommitted(top)[0]:
        raise UserError(f"{top} has changes that are not committed ({listed(changed)}): commit or stash them first.")
    try:
        if head == checkout.commit:
            tree = git(top, "rev-parse", f"{commit}^{{tree}}").strip()
        else:
            tree = git(top, "merge-tree", "--write-tree", head, commit).split("\n", 1)[0].strip()
    except GitFailed as error:
        if error.code == 1 and error.output:
            raise UserError(
                f"{branch} has new commits that conflict with the experiment: merge by hand with  git merge {commit[:10]}"
            ) from None
        raise UserError(
            f"{branch} has new commits, and merging them in needs git 2.38 or newer: run  git merge {commit[:10]}  yourself."
        ) from None
    if tree == git(top, "rev-parse", "HEAD^{tree}").strip():
        raise UserError(f"{branch} already has these changes.")
    try:
        made = git(top, "commit-tree", tree, "-p", head, given=message).strip()
    except GitFailed:
        raise UserError(
            "git does not know who you are: run  git config user.name NAME  and  git config user.email ADDRESS  first."
        ) from None
    try:
        git(top, "merge", "--ff-only", "--quiet", made)
    except GitFailed as error:
        raise UserError(f"The changes could not be applied to {branch}: {error}.") from None
    return made
