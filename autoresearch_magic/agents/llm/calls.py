"""Calls to a model server, for every backend that uses one: deadline, retries and waits for rate limits.

The vendors' own retries are switched off, so this is the only layer of them:

- a rate limit or an overload is waited out through `Wait`, as long as the server says, else with exponential backoff and
  jitter; `Wait` ends it where the study has not so much time left;
- a broken connection or a server error is retried after `QUICK_RETRIES`; then this answer has failed;
- an error that every later request would meet too (key, rights, model) is raised at once as `BackendRefused`.

Each request runs in a daemon thread, which is abandoned at the deadline, so that neither a silent or trickling server nor
a name lookup can hold up the study. Not here: what a vendor's errors mean and how its answers are read (`claude`,
`openai`).
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Literal, TypeVar

from ...errors import Stopped, UserError
from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait

T = TypeVar("T")

BACKOFF = (2.0, 60.0)
"""Seconds of the first wait for a limit, doubled each time, and of the longest, where the server does not say."""

QUICK_RETRIES = (0.5, 1.0)
"""Seconds before each retry after a broken connection or a server error."""

POLL = 0.2
"""Seconds between two checks whether the study was stopped."""

CLEAN_UP = 2.0
"""Seconds that an abandoned request gets to close its socket."""

_random = SystemRandom()  # leaves the user's own random state alone


@dataclass(frozen=True)
class Problem:
    """What an error of a request means.

    Attributes
    ----------
    kind : {"limit", "again", "failed", "unfit", "refused"}
        Wait and retry; retry soon; give up this answer; the same because of this prompt, so that asking the same again cannot
        help; give up the study.
    line : str
        The error in one line, without keys.
    seconds : float or None
        How long the server asks to wait; None when it does not say.
    """

    kind: Literal["limit", "again", "failed", "unfit", "refused"]
    line: str
    seconds: float | None = None


class Request(ABC):
    """One request to a server and its answer.

    Attributes
    ----------
    text, stop : str
        As in `Completion`; `stop` is empty until the answer is complete.
    """

    text: str = ""
    stop: str = ""

    @abstractmethod
    def run(self) -> None:
        """Send the request and read the whole answer; called in a separate thread."""

    @abstractmethod
    def abort(self) -> None:
        """Make `run` end soon; called from another thread."""

    @abstractmethod
    def usage(self, seconds: float, failure: BaseException | None) -> Usage:
        """Return what a request of so many seconds has used, as far as the server has said; `failure` ended it."""

    @abstractmethod
    def problem(self, failure: BaseException) -> Problem:
        """Return what an error of `run` means; raise the error itself when it is a bug."""


class ServerBackend(Backend):
    """A backend that sends its prompts to a server.

    Attributes
    ----------
    answered : bool
        Whether the server has answered once: what it refuses later may be due to the prompt.
    """

    answered = False

    @abstractmethod
    def request(self, prompt: Prompt, seconds: float) -> Request:
        """Return a request that is not sent yet and may take so many seconds."""

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Answer a prompt; see `Backend.complete` for the parameters and this module for the retries."""
        spent = _Spent()
        try:
            return self._complete(prompt, deadline, wait, spent)
        except (UserError, Stopped) as error:
            error.usage = spent.usage  # what was used before is paid for, also where there will be no answer
            raise

    def _complete(self, prompt: Prompt, deadline: float, wait: Wait, spent: _Spent) -> Completion:
        limits, quick = 0, list(QUICK_RETRIES)
        failure: BaseException | None
        while (left := deadline - spent.usage.seconds) > 0:
            request = self.request(prompt, left)
            start, failure = time.monotonic(), None
            try:
                failure = run_in_thread(request.run, left, request.abort, poll=lambda: wait(0.0, "")).exception()
            except BaseException as stopped:
                failure = stopped
                raise
            finally:
                spent.usage += request.usage(time.monotonic() - start, failure)
            used = spent.usage
            if failure is None or request.stop:  # complete, even where the connection failed after that
                self.answered = True
                return Completion(request.text, used, request.stop)
            if isinstance(failure, DeadlineReached) or used.seconds >= deadline:
                break
            problem = request.problem(failure)
            if problem.kind == "limit":
                limits += 1
                # As long as the server says: `wait` raises where the study has not so much time.
                wait(backoff(limits) if problem.seconds is None else problem.seconds, problem.line)
            elif problem.kind == "again" and quick:
                wait(quick.pop(0), problem.line)
            elif problem.kind == "refused":
                raise BackendRefused(problem.line)
            else:
                raise BackendFailed(problem.line, used, unfit=problem.kind == "unfit")
        raise BackendFailed(f"{self.name} gave no answer within {deadline:g} s.", spent.usage)


@dataclass
class _Spent:
    """What the requests for one answer have used so far."""

    usage: Usage = field(default_factory=Usage)


class DeadlineReached(TimeoutError):
    """The work took longer than it may."""


def run_in_thread(
    work: Callable[[], T], seconds: float, abort: Callable[[], None], *, poll: Callable[[], None] = lambda: None
) -> Future[T]:
    """Run a function in a daemon thread for a limited time and return its finished future.

    Parameters
    ----------
    work : callable
        What to run; its result or error is the future's.
    seconds : float
        After so many the future's error is `DeadlineReached`.
    abort : callable
        Makes `work` end soon; called at the deadline and when `poll` raises.
    poll : callable
        Called every `POLL` seconds; what it raises is raised here.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, name="autoresearch-request", daemon=True)
    end = time.monotonic() + seconds
    thread.start()
    try:
        while (left := end - time.monotonic()) > 0:
            if wait_for([future], min(left, POLL)).done:
                return future
            poll()
        abort()
        late: Future[T] = Future()
        late.set_exception(DeadlineReached())
        return late
    except BaseException:  # the study was stopped, or the user interrupts
        abort()
        raise
    finally:
        thread.join(CLEAN_UP)


def backoff(tries: int, longest: float = BACKOFF[1]) -> float:
    """Return the seconds of a wait for a limit where the server does not say: doubled each time, with jitter."""
    first = BACKOFF[0]
    return min(longest, first * 2.0 ** min(tries - 1, 30)) * _random.uniform(0.8, 1.2)
