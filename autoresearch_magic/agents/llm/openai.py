"""Models behind the chat-completions protocol: OpenAI's own, Ollama, vLLM, llama.cpp's server and others.

The official SDK sends the requests and is imported only when it is needed. Retries and waits are `calls`'s; the SDK's own
are switched off. Not here: sampling options and the length of the context, which are set at the server (Ollama's default
context is short, and it cuts a longer prompt without a word: see OLLAMA_CONTEXT_LENGTH).
"""

from __future__ import annotations

import asyncio
import difflib
import ipaddress
import os
import re
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from ...keys.redact import REMOVED, cleaned
from .backend import BackendRefused, Prompt, Usage
from .calls import Problem, Request, ServerBackend, run_in_thread
from .prices import cost
from .retry_after import retry_after

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

T = TypeVar("T")

VENDOR_URL = "https://api.openai.com/v1"
"""The server that the SDK uses when no other is named."""

CHECK_SECONDS = 15.0
"""For the list of models."""

CHARACTERS = 4
"""Characters of a token, roughly, where an answer broke off before the server has counted its tokens."""

_FINISH = {"stop": "end", "length": "length", "content_filter": "refusal"}
_WITH_URL = re.compile(r"(?P<model>.*?)@(?P<url>https?://.*|[\w.-]+:\d+(?:/.*)?)")
_KEY = re.compile(r"\b(?:sk|gsk|pk|hf)[-_][^\s'\",}]+")


class OpenAI(ServerBackend):
    """A model behind an OpenAI-compatible server.

    The key and, without an explicit URL, the server come from the SDK's own variables, OPENAI_API_KEY and
    OPENAI_BASE_URL, which are read for each request. Only OpenAI's own servers need a key.

    Parameters
    ----------
    spec : str
        ``MODEL`` or ``MODEL@URL``. A URL without a path gets ``/v1``, where all servers known to us serve the protocol.
    """

    def __init__(self, spec: str) -> None:
        found = _WITH_URL.fullmatch(spec.strip())
        self.model = (found["model"] if found else spec).strip()
        self._url = _complete_url(found["url"]) if found else ""
        self.takes_stream_options = True  # False once the server has answered only without them

    @property
    def name(self) -> str:
        """``openai:MODEL``."""
        return f"openai:{self.model}"

    @property
    def url(self) -> str:
        """The server's base URL."""
        return self._url or _complete_url(os.environ.get("OPENAI_BASE_URL", "").strip() or VENDOR_URL)

    def check(self) -> None:
        """Check that SDK, model, key and server are there; it sends the model itself no prompt."""
        self._check_settings()
        import openai

        cost(self.model, Usage())  # reports an unreadable price list now, not after the first answer
        task = _Task(self._models())
        try:
            models = run_in_thread(task.run, CHECK_SECONDS, task.abort).result()
        except openai.APIStatusError as error:
            # A server without a list of models, or a key that may not read it, can still complete prompts.
            if error.status_code == 401:
                raise self.refused(error) from None
            return
        except (openai.APITimeoutError, TimeoutError):
            return  # busy, perhaps with loading the model
        except openai.APIConnectionError as error:
            raise BackendRefused(
                f"Nobody answers at {self.address} ({self.describe(error)}): start the server, or correct the URL "
                "(--agent openai:MODEL@URL)."
            ) from None
        except (openai.APIError, ValueError, TypeError, AttributeError):
            return  # an answer, but in another form
        if models and self.model not in models and f"{self.model}:latest" not in models:
            near = difflib.get_close_matches(self.model, models, 5, 0.3) or sorted(models)[:5]
            raise BackendRefused(
                f"{self.address} has no model {self.model!r}: use one it has, such as {', '.join(near)}."
            )

    def request(self, prompt: Prompt, seconds: float) -> Request:
        """Return a chat-completions request; see `ServerBackend.request`."""
        self._check_settings()
        return _Request(self, prompt, seconds)

    @property
    def address(self) -> str:
        """The server's URL for messages: without user and password."""
        return re.sub(r"//[^/]*@", "//", self.url)

    @property
    def _key(self) -> str:
        return os.environ.get("OPENAI_API_KEY", "").strip()

    def _check_settings(self) -> None:
        """Check all that needs no request; raise `BackendRefused` when something is missing or wrong."""
        try:
            import openai  # noqa: F401
        except ImportError:
            raise BackendRefused("The OpenAI SDK is not installed: pip install openai") from None
        if not self.model:
            raise BackendRefused(
                "No model was given: use --agent openai:MODEL, or openai:MODEL@URL for your own server."
            )
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid:
            raise BackendRefused(
                f"{self.address!r} is not a URL: use one such as http://localhost:8000/v1 (--agent openai:MODEL@URL)."
            )
        if not self._key and _is_vendor(self.url):
            raise BackendRefused("There is no key for OpenAI: set OPENAI_API_KEY, or name a server (openai:MODEL@URL).")
        if not (self._key.isascii() and self._key.isprintable()):
            raise BackendRefused("OPENAI_API_KEY is not a key: it holds characters that no key has.")

    def client(self, seconds: float) -> AsyncOpenAI:
        """Return a client whose reads may take so many seconds; the caller closes it."""
        import openai

        # A proxy named in the environment cannot reach this machine's loopback.
        local = openai.DefaultAsyncHttpxClient(trust_env=False) if _is_loopback(self.url) else None
        return openai.AsyncOpenAI(
            api_key=self._key or "none", base_url=self.url, timeout=seconds, max_retries=0, http_client=local
        )

    async def _models(self) -> list[str]:
        async with self.client(CHECK_SECONDS) as client:
            page = await client.models.list()
        # llama.cpp's server uses the model that it has loaded, under any name in the request.
        return [] if any(m.owned_by == "llamacpp" for m in page.data) else [m.id for m in page.data]

    def describe(self, error: BaseException) -> str:
        """Return an error as one short line without keys."""
        body = getattr(error, "body", None)
        text: Any = None
        if isinstance(body, dict):
            text = body.get("message") or body.get("detail") or body.get("error")
        elif isinstance(body, str):
            text = body
        if not text:
            cause = error.__cause__ if type(error).__name__ == "APIConnectionError" else None
            text = str(cause or error) or type(cause or error).__name__
        line = " ".join(str(text).split())
        if self._key:
            line = line.replace(self._key, REMOVED)
        return _KEY.sub(REMOVED, cleaned(line))[:300].rstrip(" .")

    def refused(self, error: BaseException) -> BackendRefused:
        """Return the refusal for an error status, with advice for the user."""
        status = getattr(error, "status_code", 0)
        advice = {
            401: "check OPENAI_API_KEY",
            403: "check what the key in OPENAI_API_KEY may do",
            404: f"check the URL, and whether the server has the model {self.model!r}",
            429: "check what the account has left",
        }.get(status, "correct that first")
        return BackendRefused(f"{self.address} refuses ({status}: {self.describe(error)}): {advice}.")


class _Broken(ValueError):
    """A stream that ended too early."""


class _Task(Generic[T]):
    """A coroutine with its own event loop, as a notebook's thread runs one already.

    Unlike a blocking read, a coroutine can be cancelled at any await, such as a name lookup or a silent socket, and then
    closes what it has opened.
    """

    def __init__(self, job: Coroutine[Any, Any, T]) -> None:
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(job)

    def run(self) -> T:
        try:
            result = self._loop.run_until_complete(self._task)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            return result
        finally:
            self._loop.close()

    def abort(self) -> None:
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._task.cancel)


class _Request(Request):
    """One streamed request to a chat-completions server."""

    def __init__(self, backend: OpenAI, prompt: Prompt, seconds: float) -> None:
        self._backend, self._prompt, self._seconds = backend, prompt, seconds
        self._with_usage = backend.takes_stream_options
        self._begun = False  # whether the server has accepted the request
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._finish = ""
        self._counts: Usage | None = None
        self._task = _Task(self._stream())

    def run(self) -> None:
        self._task.run()
        if not self.stop:
            raise _Broken("the stream ended before the answer did")

    def abort(self) -> None:
        self._task.abort()

    def usage(self, seconds: float, failure: BaseException | None) -> Usage:
        if not self.stop:
            # An answer that has begun is billed, but its token counts would have come at the end: estimated, so that one
            # broken connection does not make the cost of the whole study unknown.
            if not (self._begun or isinstance(failure, TimeoutError)):
                return Usage(seconds=seconds, cost=0.0)
            asked = sum(map(len, (self._prompt.system, self._prompt.stable, *(t.text for t in self._prompt.turns))))
            known = Usage(input=asked // CHARACTERS, output=sum(map(len, self._text)) // CHARACTERS, seconds=seconds)
            return replace(known, cost=cost(self._backend.model, known))
        if self._counts is None:
            return Usage(calls=1, seconds=seconds, cost=None)
        usage = replace(self._counts, calls=1, seconds=seconds)
        return replace(usage, cost=cost(self._backend.model, usage))

    def problem(self, failure: BaseException) -> Problem:
        import openai

        # A ValueError comes from a piece of the stream that is not JSON.
        if not isinstance(failure, openai.APIError | ValueError | TimeoutError):
            raise failure
        backend, status = self._backend, getattr(failure, "status_code", 0)
        text = backend.describe(failure)
        if status in (429, 503, 529) and getattr(failure, "code", None) != "insufficient_quota":
            response = getattr(failure, "response", None)
            line = f"{backend.address} is {'at its rate limit' if status == 429 else 'overloaded'}: {text}."
            return Problem("limit", line, None if response is None else retry_after(response.headers))
        if 400 <= status < 500 and status not in (408, 409, 425):
            unfit = backend.answered and status in (400, 413, 422)  # too long, or against a content policy
            return Problem("unfit" if unfit else "refused", str(backend.refused(failure)))
        too_late = isinstance(failure, openai.APITimeoutError | TimeoutError)
        return Problem("failed" if too_late else "again", f"{backend.address} failed: {text}.")

    async def _stream(self) -> None:
        """Send the request and collect the answer."""
        async with self._backend.client(self._seconds + 5) as client:  # our own deadline comes first
            stream = await self._open(client)
            self._begun = True
            async with stream:
                async for chunk in stream:
                    self._add(chunk)
                    if self._finish:
                        self._backend.takes_stream_options = self._with_usage
                        self.text = without_thinking("".join(self._text)) or "".join(self._refusal)
                        self.stop = "refusal" if any(self._refusal) else _FINISH.get(self._finish, self._finish)
                        if self._counts is not None or not self._with_usage:
                            break  # some servers leave the connection open

    async def _open(self, client: AsyncOpenAI) -> AsyncStream[ChatCompletionChunk]:
        import openai

        async def create() -> AsyncStream[ChatCompletionChunk]:
            return await client.chat.completions.create(
                model=self._backend.model,
                messages=self._messages(),
                stream=True,
                stream_options={"include_usage": True} if self._with_usage else openai.omit,
            )

        try:
            return await create()
        except (openai.BadRequestError, openai.UnprocessableEntityError) as first:
            if not self._with_usage:
                raise
            # A server that does not know `stream_options` may say so in any words: retry once without them.
            self._with_usage = False
            try:
                return await create()
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                raise first from None

    def _messages(self) -> list[ChatCompletionMessageParam]:
        # A single system message: many chat templates accept only one, and strictly alternating roles after it.
        system = "\n\n".join(part.strip() for part in (self._prompt.system, self._prompt.stable) if part.strip())
        messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": system}] if system else []
        for turn in self._prompt.turns:
            if turn.role == "user":
                messages.append({"role": "user", "content": turn.text})
            else:
                messages.append({"role": "assistant", "content": turn.text})
        return messages

    def _add(self, chunk: ChatCompletionChunk) -> None:
        """Add a piece of the stream; servers differ in what they leave out, so nothing is taken for granted."""
        if (used := getattr(chunk, "usage", None)) is not None:
            details = getattr(used, "prompt_tokens_details", None)
            cached = getattr(details, "cached_tokens", None) or 0
            asked = getattr(used, "prompt_tokens", None) or 0
            self._counts = Usage(
                input=max(0, asked - cached), cached=cached, output=getattr(used, "completion_tokens", None) or 0
            )
        for choice in getattr(chunk, "choices", None) or ():
            # Thinking comes as `reasoning_content` or `reasoning`, which are not read.
            self._text.append(getattr(choice.delta, "content", None) or "")
            self._refusal.append(getattr(choice.delta, "refusal", None) or "")
            self._finish = getattr(choice, "finish_reason", None) or self._finish


def without_thinking(text: str) -> str:
    """Return a text without the thinking that some servers leave at its beginning.

    Parameters
    ----------
    text : str
        The thinking stands between ``<think>`` and ``</think>``; the opening tag is missing where the model's chat template
        has written it already, the closing one where the thinking was cut off, and then nothing else follows.
    """
    begun = text.lstrip().startswith("<think>")
    _, closed, rest = text.partition("</think>")
    if begun:
        return rest.lstrip()
    return rest.lstrip() if closed and "<think>" not in text and "</think>" not in rest else text


def _complete_url(url: str) -> str:
    """Return a URL with the scheme ``http`` and the path ``/v1`` where it has none."""
    url = url if "://" in url else f"http://{url}"
    try:
        bare = urlsplit(url).path in ("", "/")
    except ValueError:
        return url
    return f"{url.rstrip('/')}/v1" if bare else url


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _is_vendor(url: str) -> bool:
    return _host(url) == "openai.com" or _host(url).endswith(".openai.com")


def _is_loopback(url: str) -> bool:
    host = _host(url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
