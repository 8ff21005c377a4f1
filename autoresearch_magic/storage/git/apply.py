"""How the best of a study comes home: one commit on the user's branch, made only when that is clean.

This alone changes the user's checkout, and only when it is asked for. Nothing is pushed.
"""

from __future__ import annotations

from ...errors import UserError
from .checkout import Checkout, check_at_rest, dirt, head_of, some
from .command import GitFailed, git


def apply(checkout: Checkout, commit: str, message: str) -> str:
    """Commit what a study's commit has changed to the user's branch, as one commit; nothing is pushed.

    Parameters
    ----------
    checkout : Checkout
        As the study found it; the branch may have moved on since.
    commit : str
        The experiment's.
    message : str
        The new commit's.

    Returns
    -------
    str
        The new commit.

    Raises
    ------
    UserError
        When it is not clean to do so; nothing is changed then.
    """
    top = checkout.folder
    if not top.is_dir():
        raise UserError(f"The repository is not at {top} any more.")
    head, branch = head_of(top)
    if not branch:
        raise UserError(f"HEAD of {top} is detached: switch to the branch that shall have it (git switch NAME) first.")
    check_at_rest(top)
    if changed := dirt(top)[0]:
        raise UserError(f"{top} has changes that are not committed ({some(changed)}): commit or stash them first.")
    try:
        if head == checkout.commit:
            tree = git(top, "rev-parse", f"{commit}^{{tree}}").strip()
        else:
            tree = git(top, "merge-tree", "--write-tree", head, commit).split("\n", 1)[0].strip()
    except GitFailed as error:
        if error.code == 1 and error.output:
            raise UserError(
                f"{branch} has moved on and conflicts with the best: merge it by hand,  git merge {commit[:10]}"
            ) from None
        raise UserError(
            f"{branch} has moved on, and this git cannot merge aside: git merge {commit[:10]}  does it."
        ) from None
    if tree == git(top, "rev-parse", "HEAD^{tree}").strip():
        raise UserError(f"{branch} has all of it already.")
    try:
        made = git(top, "commit-tree", tree, "-p", head, given=message).strip()
    except GitFailed:
        raise UserError(
            "git does not know who you are: run  git config user.name NAME  and  git config user.email ADDRESS  first."
        ) from None
    try:
        git(top, "merge", "--ff-only", "--quiet", made)
    except GitFailed as error:
        raise UserError(f"It could not be brought into {branch}: {error}.") from None
    return made
