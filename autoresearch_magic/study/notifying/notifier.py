"""What a process of `--notify` does: looks which keeps are proven by now, and tells of them and of the end."""

from __future__ import annotations

from ...experiment import Experiment
from ..study import Study
from . import command, webhook
from .address import Address
from .message import Message, end_message, keep_message


def deliver(address: Address, message: Message) -> None:
    """Send a message to where an address says; raise a `UserError` where that fails."""
    if address.form == "command":
        command.run(address, message)
    else:
        webhook.send(address, message)


class Notifier:
    """Tells of each keep once, when it is proven, and of the end.

    Parameters
    ----------
    study : Study
    address : Address
    begin : int
        How many experiments there were when the study was started or resumed: of keeps among them that are proven by then it was told before.
    """

    def __init__(self, study: Study, address: Address, begin: int) -> None:
        self._study, self._address, self._begin = study, address, begin
        self._told: set[int] | None = None
        self._seen: tuple[Experiment, ...] = ()

    def pass_over(self, *, last: bool = False) -> None:
        """Tell of the keeps that are proven since the last look."""
        status = self._study.refresh().status
        if status.experiments is self._seen:
            return
        proven = sorted(status.proven)
        if self._told is None:
            self._told = {number for number in proven if number < self._begin}
        for number in proven:
            if number not in self._told:
                deliver(self._address, keep_message(status, status.experiments[number]))
                self._told.add(number)
        self._seen = status.experiments

    def end(self, state: str, message: str, asked: bool = False) -> None:
        """Tell of the end, unless the user has asked for it."""
        if not asked:
            deliver(self._address, end_message(self._study.refresh().status, state, message))

    def close(self) -> None:
        """Nothing is held."""
