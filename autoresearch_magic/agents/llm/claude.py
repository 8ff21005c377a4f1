"""Claude, through Anthropic's own SDK.

All retrying happens here and nowhere else (the SDK's own is off), by one rule each:

- rate limits (429) and overload (529, also as an event in mid-stream) are waited out through `Wait`: as long as the
  server says, else with exponential backoff and jitter; at most `LIMIT_TRIES` times and `LIMIT_SECONDS` in all;
- broken connections and server errors get `QUICK_TRIES` quick retries, then this one answer has failed; what broke off
  is counted as far as the server has said, so its output may be missing from the bill;
- a prompt that is too long has failed too: the next one is made anew and may be shorter;
- whatever else the server refuses (key, rights, money, model, request) is refused for good, in one line.

Every request runs in a thread of its own, which is abandoned at the deadline: no stall, trickle or name lookup can hold
the study. The key is read from where the SDK reads it, or asked for and then kept in the object alone; it is in no
message, `repr` or pickle. What an error means is in `claude_errors`, what is known of the models in `claude_models`. Not here: tools,
files, batches.
"""

from __future__ import annotations

import queue
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait
from .claude_errors import URL_HINT, clean, is_unknown_model, meaning, place, reach
from .claude_models import (
    DEFAULT_MODEL,
    EFFORTS,
    current_models,
    deprecated_models,
    ended,
    known_models,
    leaving,
    load_sdk,
    retired,
    successor,
    thinks,
)
from .prices import Price, cost, load_prices

if TYPE_CHECKING:
    import anthropic

__all__ = ["DEFAULT_MODEL", "EFFORTS", "Claude", "current_models", "deprecated_models", "known_models", "successor"]

T = TypeVar("T")

MAX_TOKENS = 32_000
"""Of one answer, thinking included: a long cell and much thought. Streaming makes it safe to ask for so many."""

LIMIT_TRIES = 12
"""Waits for a limit within one answer."""

LIMIT_SECONDS = 3600.0
"""Seconds of such waits within one answer; a server that asks for more than that ends the study at once."""

BACKOFF = (2.0, 60.0)
"""The first wait in seconds, doubled each time, and the longest, where the server does not say how long."""

QUICK_TRIES = 2
QUICK_WAIT = 0.5

CHECK_SECONDS = 10.0
"""For each of the two free requests that `Claude.check` may make."""

CONNECT_SECONDS = 10.0

POLL = 0.2
"""Seconds between two looks at whether the study was stopped."""

_CLEAN_UP = 2.0  # seconds for an abandoned request to close its socket

_STOPS = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}  # the others (tool_use, pause_turn) need tools, which we never offer: they keep the vendor's own word


class Claude(Backend):
    """A model of Anthropic's.

    Parameters
    ----------
    model : str
        Empty for `DEFAULT_MODEL`.
    effort : str
        One of `EFFORTS`; empty for the model's own default.
    base_url : str or None
        None for ``ANTHROPIC_BASE_URL``, else the vendor's own.
    prices : mapping or None
        None for `load_prices`.
    ask_key : callable or None
        Asks the user for a key, for instance with getpass. Called by `check` alone, and only when the environment has
        none; what it returns is kept in this object and nowhere else.

    Raises
    ------
    BackendRefused
        For an effort that there is not.
    """

    def __init__(
        self, model: str = "", *, effort: str = "", base_url: str | None = None,
        prices: Mapping[str, Price] | None = None, ask_key: Callable[[], str] | None = None,
    ) -> None:  # fmt: skip
        if effort and effort not in EFFORTS:
            raise BackendRefused(f"There is no effort {effort!r}: use one of {', '.join(EFFORTS)}.")
        self.model = model.strip() or DEFAULT_MODEL
        self.effort = effort
        self.base_url = base_url or None
        self.ask_key = ask_key
        self._prices = load_prices() if prices is None else prices
        self._key = ""
        self._thinks = thinks(self.model)
        self._max_tokens = MAX_TOKENS
        self._lifecycle = ""
        self._random = random.Random()  # of our own: the user's seed is not ours to draw from

    def __repr__(self) -> str:
        return f"Claude({self.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        # A pickle may end on a disk.
        return {**self.__dict__, "_key": "", "ask_key": None}

    @property
    def name(self) -> str:
        """``claude:MODEL``."""
        return f"claude:{self.model}"

    @property
    def warning(self) -> str:
        """One line when the model is on its way out, else nothing."""
        return leaving(self.model, self._lifecycle)

    def check(self) -> None:
        """See that there are an SDK, a key, a server and the model; ask for the key if need be.

        Costs nothing: it asks the list of models and, where a proxy has none, for a count of tokens; a proxy that has
        neither is given the benefit of the doubt.
        """
        sdk = load_sdk()
        if line := ended(self.model):
            raise BackendRefused(line)
        if self.ask_key is not None and not self._key and not self._has_credentials(sdk):
            self._key = self.ask_key().strip()
        client = self._client(sdk, CHECK_SECONDS)

        def probe() -> None:
            with client:
                self._probe(sdk, client)

        failure = _within(2 * CHECK_SECONDS + 1, probe, client.close)[1]
        if failure is None:
            return
        if isinstance(failure, sdk.AuthenticationError):
            self._key = ""  # so that the next check asks for another
        if isinstance(failure, _Late | sdk.APITimeoutError):
            raise BackendRefused(f"{place(client)} did not answer: is the address right ({URL_HINT})?")
        if isinstance(failure, sdk.APIConnectionError):
            where = place(client)
            raise BackendRefused(f"Nobody answers at {where}: is there a network, is the address right ({URL_HINT})?")
        if isinstance(failure, BackendRefused):
            raise BackendRefused(str(failure))
        if isinstance(failure, sdk.AnthropicError):
            raise BackendRefused(meaning(sdk, client, self.model, failure).line)
        raise failure

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Answer a prompt; see `Backend.complete` and this module's own rules."""
        sdk = load_sdk()
        request = self._request(prompt)
        used, waited = Usage(), 0.0
        limits = quick = 0
        while True:
            left = deadline - used.seconds
            if left <= 0:
                raise BackendFailed(f"No answer within {deadline:g} s.", used)
            call = _Call(self._client(sdk, left), request)
            began = time.monotonic()
            failure = _within(left, call.run, call.abort, lambda: wait(0.0, ""))[1]
            used += self._usage(call, time.monotonic() - began)
            if failure is None:
                return Completion(call.text, used, _STOPS.get(call.stop, call.stop))
            if isinstance(failure, _Late) or used.seconds >= deadline:
                raise BackendFailed(f"No answer within {deadline:g} s.", used)
            found = meaning(sdk, call.client, self.model, failure)
            if found.kind == "limit":
                limits += 1
                seconds = self._backoff(limits) if found.seconds is None else found.seconds
                if found.seconds is not None and seconds > LIMIT_SECONDS:
                    raise BackendRefused(f"{found.line} The server asks to wait {seconds:.0f} s: resume later.")
                if limits > LIMIT_TRIES or waited + seconds > LIMIT_SECONDS:
                    raise BackendFailed(f"{found.line} Still so after {waited:.0f} s of waiting.", used)
                wait(seconds, found.line)
                waited += seconds
            elif found.kind == "again" and quick < QUICK_TRIES:
                quick += 1
                wait(QUICK_WAIT * quick, found.line)
            elif found.kind == "refused":
                raise BackendRefused(found.line)
            else:
                raise BackendFailed(found.line, used)

    def _has_credentials(self, sdk: ModuleType) -> bool:
        try:
            with self._make(sdk, CHECK_SECONDS) as client:
                return _authorised(client)
        except BackendRefused:  # a profile that is named but not there: a key makes up for it
            return False

    def _client(self, sdk: ModuleType, seconds: float) -> anthropic.Anthropic:
        """Return a client that can identify itself; the caller closes it."""
        client = self._make(sdk, seconds)
        if not _authorised(client):
            client.close()
            raise BackendRefused("Claude needs a key: set ANTHROPIC_API_KEY, or use --agent tuner, which needs none.")
        for secret in (client.api_key, client.auth_token):
            # The HTTP library would complain too, and some of its complaints quote the key.
            if secret and not re.fullmatch(r"[!-~]+", secret):
                client.close()
                raise BackendRefused(
                    "The key has blanks, line breaks or letters that no key has: set ANTHROPIC_API_KEY anew."
                )
        return client

    def _make(self, sdk: ModuleType, seconds: float) -> anthropic.Anthropic:
        # One client an answer: a handshake is nothing beside an answer, and nothing stays open between two.
        timeout = sdk.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        failure: Exception
        try:
            client: anthropic.Anthropic = sdk.Anthropic(
                api_key=self._key or None, base_url=self.base_url, max_retries=0, timeout=timeout
            )
            return client
        except Exception as error:  # bad addresses, profiles and proxies: the SDK has no common class for them
            failure = error
        raise BackendRefused(
            f"Anthropic's SDK cannot start (address, profile, proxy?): {clean(str(failure), self._key)}"
        )

    def _probe(self, sdk: ModuleType, client: anthropic.Anthropic) -> None:
        try:
            self._learn(client.models.retrieve(self.model))
            return
        except sdk.APIStatusError as error:
            if error.status_code == 401 or is_unknown_model(error):
                raise
            if error.status_code == 429 or error.status_code >= 500:
                return  # somebody is there; `complete` knows how to wait
        except (ValueError, TypeError, AttributeError):
            pass  # 200 with something that is no model: a proxy's front page, perhaps
        try:
            counted = client.messages.count_tokens(model=self.model, messages=[{"role": "user", "content": "Hello"}])
        except sdk.APIStatusError as error:
            if error.status_code in (401, 403) or is_unknown_model(error):
                raise
            return
        except ValueError:
            counted = None
        if not isinstance(getattr(counted, "input_tokens", None), int):
            raise BackendRefused(f"What answers at {place(client)} does not speak the Messages API ({URL_HINT}).")

    def _learn(self, info: anthropic.types.ModelInfo) -> None:
        """Take from the server's description of the model what it has and how much it may say."""
        if not isinstance(info.id, str):
            raise TypeError("no description of a model")
        self._lifecycle = str(getattr(info, "lifecycle", ""))
        if self._lifecycle == "retired":
            raise BackendRefused(retired(self.model))
        limit = getattr(info, "max_tokens", None)
        if isinstance(limit, int) and limit > 0:
            self._max_tokens = min(MAX_TOKENS, limit)
        if (abilities := getattr(info, "capabilities", None)) is None:
            return
        # Servers other than the vendor's may leave any of it out: what is not said stays as the name has it.
        adaptive = reach(abilities, "thinking", "types", "adaptive", "supported")
        self._thinks = self._thinks if adaptive is None else bool(adaptive)
        if self.effort and reach(abilities, "effort", self.effort, "supported") is False:
            has = [effort for effort in EFFORTS if reach(abilities, "effort", effort, "supported")]
            raise BackendRefused(f"{self.model} has no effort {self.effort!r}: use {', '.join(has) or 'none'}.")

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        mark = {"cache_control": {"type": "ephemeral"}}
        messages: list[dict[str, Any]] = []
        for turn in prompt.turns:
            messages.append({"role": turn.role, "content": [{"type": "text", "text": turn.text.strip() or "(empty)"}]})
        if prompt.stable.strip():
            messages[0]["content"].insert(0, {"type": "text", "text": prompt.stable, **mark})
        request: dict[str, Any] = {"model": self.model, "max_tokens": self._max_tokens, "messages": messages}
        if prompt.system.strip():
            request["system"] = [{"type": "text", "text": prompt.system, **mark}]
        if self._thinks:
            request["thinking"] = {"type": "adaptive"}
        if self.effort:
            request["output_config"] = {"effort": self.effort}
        return request

    def _usage(self, call: _Call, seconds: float) -> Usage:
        figures = call.figures
        if figures is None:
            return Usage(seconds=seconds)
        counted = Usage(
            int(call.done), figures.input_tokens or 0, figures.cache_read_input_tokens or 0,
            figures.cache_creation_input_tokens or 0, figures.output_tokens or 0, seconds,
        )  # fmt: skip
        dollars = cost(self.model, counted, self._prices)
        if dollars is None and call.model:
            dollars = cost(call.model, counted, self._prices)  # a proxy's alias: the answer says what it stands for
        return Usage(
            counted.calls, counted.input, counted.cached, counted.written, counted.output, seconds, dollars
        )  # fmt: skip

    def _backoff(self, tries: int) -> float:
        first, longest = BACKOFF
        return min(longest, first * 2.0 ** (tries - 1)) * self._random.uniform(0.75, 1.25)


class _Late(Exception):
    """The deadline came first."""


class _Broken(OSError):
    """The stream ended politely, but before the answer did."""


class _Call:
    """One request; `run` is for a thread of its own, `abort` for any other."""

    def __init__(self, client: anthropic.Anthropic, request: Mapping[str, Any]) -> None:
        self.client = client
        self.request = request
        self.figures: anthropic.types.Usage | None = None
        self.text = self.stop = self.model = ""
        self.done = False
        self._response: Any = None

    def run(self) -> None:
        with self.client, self.client.messages.stream(**self.request) as stream:
            self._response = stream.response
            for event in stream:
                if event.type in ("message_start", "message_delta"):
                    self.figures = stream.current_message_snapshot.usage
                elif event.type == "message_stop":
                    self.done = self.figures is not None
            if not self.done:
                raise _Broken("the stream ended early")
            message = stream.current_message_snapshot
            self.model = str(message.model)
            self.stop = message.stop_reason or "unknown"
            self.text = "".join(block.text for block in message.content if block.type == "text")
            if not self.text and self.stop == "refusal":
                # The only thing there is to tell the user: some refusals are about machine learning itself.
                self.text = str(getattr(getattr(message, "stop_details", None), "explanation", None) or "")

    def abort(self) -> None:
        """Wake the thread that reads; closing alone would not, as a blocked read does not notice it."""
        with suppress(Exception):
            stream = self._response.extensions["network_stream"]
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _within(
    seconds: float, work: Callable[[], T], abort: Callable[[], None], look: Callable[[], None] | None = None
) -> tuple[T | None, BaseException | None]:
    """Run something in a daemon thread for so many seconds at most; return what came of it, or the error.

    `look` is called now and then meanwhile; what it raises ends the work too.
    """
    box: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            box.put((work(), None))
        except BaseException as error:
            box.put((None, error))

    thread = threading.Thread(target=run, name="autoresearch-claude", daemon=True)
    end = time.monotonic() + seconds
    thread.start()
    try:
        while (left := end - time.monotonic()) > 0:
            with suppress(queue.Empty):
                return box.get(timeout=min(left, POLL))
            if look is not None:
                look()
        abort()
        return None, _Late()
    except BaseException:  # the study was stopped, or the user interrupts
        abort()
        raise
    finally:
        thread.join(_CLEAN_UP)


def _authorised(client: anthropic.Anthropic) -> bool:
    """Whether a client has found a key, a token, a profile or a header of the user's own."""
    names = {name.lower() for name in client.default_headers}
    return bool(names & {"authorization", "x-api-key"}) or getattr(client, "credentials", None) is not None
