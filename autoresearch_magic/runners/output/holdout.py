"""The option ``--holdout NAME=EXPRESSION``: what it may be."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import UserError
from ...metric import Metric, parse_metric, split_direction
from ...run_numbers import plain_name
from ...text import shorten
from .also import parse_also
from .cell_metric import parse_cell_metric, printed_metric


def parse_holdout(text: str) -> tuple[str, str]:
    """Return the name and the expression of the holdout.

    Raises
    ------
    UserError
        When it can never work, or says which way is better.
    """
    shown = f"--holdout {shorten(text)!r}"
    if split_direction(text)[1] is not None:
        raise UserError(f"{shown} says which way is better, but it has the metric's direction: take that out.")
    try:
        name, expression, _ = parse_cell_metric(text)
    except UserError as error:
        raise UserError(f"{shown}: {str(error).replace('--metric', '--holdout')}") from None
    printed = printed_metric(Metric(name, expression))
    if printed is not None and printed.always:
        raise UserError(
            f"{shown} is read from what the target prints, so the target would decide it: give an expression, such as "
            "--holdout test_loss=evaluate(model, test_data)"
        )
    return parse_metric(text)[:2]


def check_holdout(
    text: str, metric: str, also: Sequence[str], *, sealed: str = "", verified: bool = False, fresh: bool = False
) -> None:
    """Check the option, and that of the sealed file, before a study starts.

    Parameters
    ----------
    text, metric, also
        The option, the metric's name, and the further numbers.
    sealed : str
        The option with the sealed file.
    verified, fresh : bool
        Whether a command measures, and whether each experiment runs the setup itself.

    Raises
    ------
    UserError
    """
    if verified and (text or sealed):
        raise UserError(NOT_FOR_COMMANDS.format("holdout" if text else "sealed"))
    if sealed and fresh:
        raise UserError(NOT_FRESH)
    if not text:
        return
    name, _ = parse_holdout(text)
    others = {plain_name(parse_also(each, verified=False)[0]) for each in also}
    if plain_name(name) == plain_name(metric) or plain_name(name) in others:
        whose = "the metric" if plain_name(name) == plain_name(metric) else "one of --also"
        raise UserError(
            f"--holdout has the name of {whose}, {name!r}: give it another one, such as --holdout test_{name}=..."
        )


NOT_FOR_COMMANDS = (
    "--{} is for a cell, whose metric is computed apart from the target; a command of a repository reads its data itself: leave it out, and "
    "keep the data where --hide and the walls keep them from agents and experiments."
)
NOT_FRESH = "--fresh cannot keep sealed code apart: every experiment would run it in its own process. Take out --fresh, or the sealed code."
