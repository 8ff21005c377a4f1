"""Claude, through Anthropic's own SDK.

Retries and waits are `calls`'s; the SDK's own are switched off. Two rules are Claude's:

- an answer that broke off is counted as far as the server has said, so its output may be missing from the bill;
- a prompt that is too long fails this one answer only, as the next prompt may be shorter.

The key is read from where the SDK reads it, or asked for and then kept in the object alone; it is in no message, `repr`
or pickle. What an error means is in `claude_errors`, what is known of the models in `claude_models`. Not here: tools,
files, batches.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .backend import BackendRefused, Prompt, Usage
from .calls import DeadlineReached, Problem, Request, ServerBackend, run_in_thread
from .claude_errors import URL_HINT, address, clean, explain, is_unknown_model, reach
from .claude_models import DEFAULT_MODEL, EFFORTS, ended, has_adaptive_thinking, leaving, load_sdk, retired
from .prices import Price, cost, load_prices

if TYPE_CHECKING:
    import anthropic

MAX_TOKENS = 32_000
"""Tokens of one answer, thinking included: enough for a long cell and much thought. Streaming makes such long answers safe."""

CHECK_SECONDS = 10.0
"""For each of the two free requests that `Claude.check` may make."""

CONNECT_SECONDS = 10.0
"""For opening a connection."""

_STOPS = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
"""Our word for each of the vendor's stop reasons; the others (tool_use, pause_turn) need tools, which are never offered."""


class Claude(ServerBackend):
    """A Claude model behind Anthropic's Messages API.

    Parameters
    ----------
    model : str
        Empty for `DEFAULT_MODEL`.
    effort : str
        One of `EFFORTS`; empty for the model's own default.
    base_url : str or None
        The server's address; None for ``ANTHROPIC_BASE_URL`` or, without that, Anthropic's own.
    prices : mapping or None
        None for `load_prices`.
    ask_key : callable or None
        Asks the user for a key, for instance with getpass. Only `check` calls it, and only when the environment has no
        key; its result is kept in this object and nowhere else.

    Raises
    ------
    BackendRefused
        For an unknown effort.
    """

    def __init__(
        self, model: str = "", *, effort: str = "", base_url: str | None = None,
        prices: Mapping[str, Price] | None = None, ask_key: Callable[[], str] | None = None,
    ) -> None:  # fmt: skip
        if effort and effort not in EFFORTS:
            raise BackendRefused(f"Unknown effort {effort!r}: use one of {', '.join(EFFORTS)}.")
        self.model = model.strip() or DEFAULT_MODEL
        self.effort = effort
        self.base_url = base_url or None
        self.ask_key = ask_key
        self._prices = load_prices() if prices is None else prices
        self._key = ""
        self._thinks = has_adaptive_thinking(self.model)
        self._max_tokens = MAX_TOKENS
        self._lifecycle = ""

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
        """One line when the model is deprecated; else empty."""
        return leaving(self.model, self._lifecycle)

    def check(self) -> None:
        """Check that SDK, key, server and model are there; ask the user for the key if there is none.

        It is free of charge: it requests the model's description and, from a proxy that has none, a token count. A proxy
        that has neither passes.
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

        failure = run_in_thread(probe, 2 * CHECK_SECONDS + 1, client.close).exception()
        if failure is None:
            return
        if isinstance(failure, sdk.AuthenticationError):
            self._key = ""  # so that the next check asks for another
        if isinstance(failure, DeadlineReached | sdk.APITimeoutError):
            raise BackendRefused(f"{address(client)} did not answer: is the address right ({URL_HINT})?")
        if isinstance(failure, sdk.APIConnectionError):
            raise BackendRefused(
                f"Nobody answers at {address(client)}: is there a network, is the address right ({URL_HINT})?"
            )
        if isinstance(failure, BackendRefused):
            raise BackendRefused(str(failure))
        if isinstance(failure, sdk.AnthropicError):
            raise BackendRefused(explain(sdk, client, self.model, failure).line)
        raise failure

    def request(self, prompt: Prompt, seconds: float) -> Request:
        """Return a request to the Messages API; see `ServerBackend.request`."""
        sdk = load_sdk()
        return _Request(self, sdk, self._client(sdk, seconds), self._body(prompt))

    def price(self, usage: Usage, answered_as: str) -> float | None:
        """Return the cost of one request in US dollars, None where it is not known.

        Parameters
        ----------
        usage : Usage
        answered_as : str
            The model that the answer names; a proxy's alias has a price only by it.
        """
        dollars = cost(self.model, usage, self._prices)
        return cost(answered_as, usage, self._prices) if dollars is None and answered_as else dollars

    def _has_credentials(self, sdk: ModuleType) -> bool:
        try:
            with self._make(sdk, CHECK_SECONDS) as client:
                return _authorised(client)
        except BackendRefused:  # the named profile does not exist: a key will do instead
            return False

    def _client(self, sdk: ModuleType, seconds: float) -> anthropic.Anthropic:
        """Return a client that can identify itself; the caller closes it."""
        client = self._make(sdk, seconds)
        if not _authorised(client):
            client.close()
            raise BackendRefused("Claude needs a key: set ANTHROPIC_API_KEY, or use --agent tuner, which needs none.")
        for secret in (client.api_key, client.auth_token):
            # The HTTP library would refuse such a key too, but some of its messages quote the key.
            if secret and not re.fullmatch(r"[!-~]+", secret):
                client.close()
                raise BackendRefused(
                    "The key holds blanks, line breaks or letters that no key has: set ANTHROPIC_API_KEY again."
                )
        return client

    def _make(self, sdk: ModuleType, seconds: float) -> anthropic.Anthropic:
        # One client per answer: a handshake takes little time beside it, and no connection stays open in between.
        timeout = sdk.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        failure: Exception
        try:
            client: anthropic.Anthropic = sdk.Anthropic(
                api_key=self._key or None, base_url=self.base_url, max_retries=0, timeout=timeout
            )
            return client
        except Exception as error:  # a bad address, profile or proxy: the SDK has no common class for them
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
                return  # the server is there; `complete` waits for it
        except (ValueError, TypeError, AttributeError):
            pass  # status 200 without a model's description: a proxy's front page, perhaps
        try:
            counted = client.messages.count_tokens(model=self.model, messages=[{"role": "user", "content": "Hello"}])
        except sdk.APIStatusError as error:
            if error.status_code in (401, 403) or is_unknown_model(error):
                raise
            return
        except ValueError:
            counted = None
        if not isinstance(getattr(counted, "input_tokens", None), int):
            raise BackendRefused(f"What answers at {address(client)} does not speak the Messages API ({URL_HINT}).")

    def _learn(self, info: anthropic.types.ModelInfo) -> None:
        """Read from the server's description of the model what it can do and how long an answer may be."""
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
        # Servers other than the vendor's may leave out any of this; then what the model's name tells stays in force.
        adaptive = reach(abilities, "thinking", "types", "adaptive", "supported")
        self._thinks = self._thinks if adaptive is None else bool(adaptive)
        if self.effort and reach(abilities, "effort", self.effort, "supported") is False:
            has = [effort for effort in EFFORTS if reach(abilities, "effort", effort, "supported")]
            raise BackendRefused(f"{self.model} has no effort {self.effort!r}: use {', '.join(has) or 'none'}.")

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        mark = {"cache_control": {"type": "ephemeral"}}
        messages: list[dict[str, Any]] = []
        for turn in prompt.turns:
            messages.append({"role": turn.role, "content": [{"type": "text", "text": turn.text.strip() or "(empty)"}]})
        if prompt.stable.strip():
            messages[0]["content"].insert(0, {"type": "text", "text": prompt.stable, **mark})
        body: dict[str, Any] = {"model": self.model, "max_tokens": self._max_tokens, "messages": messages}
        if prompt.system.strip():
            body["system"] = [{"type": "text", "text": prompt.system, **mark}]
        if self._thinks:
            body["thinking"] = {"type": "adaptive"}
        if self.effort:
            body["output_config"] = {"effort": self.effort}
        return body


class _Broken(OSError):
    """The stream ended in proper form, but before the answer did."""


class _Request(Request):
    """One streamed request to the Messages API."""

    def __init__(
        self, backend: Claude, sdk: ModuleType, client: anthropic.Anthropic, body: Mapping[str, Any]
    ) -> None:  # fmt: skip
        self._backend, self._sdk, self._client, self._body = backend, sdk, client, body
        self._counts: anthropic.types.Usage | None = None
        self._complete = False
        self._model = ""
        self._response: Any = None

    def run(self) -> None:
        with self._client, self._client.messages.stream(**self._body) as stream:
            self._response = stream.response
            for event in stream:
                if event.type in ("message_start", "message_delta"):
                    self._counts = stream.current_message_snapshot.usage
                elif event.type == "message_stop":
                    self._complete = self._counts is not None
            if not self._complete:
                raise _Broken("the stream ended early")
            message = stream.current_message_snapshot
            self._model = str(message.model)
            reason = message.stop_reason or "unknown"
            self.stop = _STOPS.get(reason, reason)
            self.text = "".join(block.text for block in message.content if block.type == "text")
            if not self.text and self.stop == "refusal":
                # A refusal without text: the explanation is all there is to show; some are about machine learning itself.
                self.text = str(reach(message, "stop_details", "explanation") or "")

    def abort(self) -> None:
        with suppress(Exception):  # closing alone would not wake the thread: a blocked read does not notice it
            stream = self._response.extensions["network_stream"]
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def usage(self, seconds: float, failure: BaseException | None) -> Usage:
        if (counts := self._counts) is None:
            return Usage(seconds=seconds)
        usage = Usage(
            int(self._complete), counts.input_tokens or 0, counts.cache_read_input_tokens or 0,
            counts.cache_creation_input_tokens or 0, counts.output_tokens or 0, seconds,
        )  # fmt: skip
        return replace(usage, cost=self._backend.price(usage, self._model))

    def problem(self, failure: BaseException) -> Problem:
        found = explain(self._sdk, self._client, self._backend.model, failure)
        if found.kind == "refused" and self._backend.answered and getattr(failure, "status_code", 0) in (400, 422):
            return replace(found, kind="unfit")
        return found


def _authorised(client: anthropic.Anthropic) -> bool:
    """Return whether a client has found a key, a token, a profile or an authorisation header set by the user."""
    names = {name.lower() for name in client.default_headers}
    return bool(names & {"authorization", "x-api-key"}) or getattr(client, "credentials", None) is not None
