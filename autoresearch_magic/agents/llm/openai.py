"""Any endpoint of the chat-completions protocol as a model: OpenAI's own, Ollama, vLLM, llama.cpp's server and others.

The official SDK does the talking and is imported only when it is needed. Its retries are off: there is one layer of
them, here, and the study sees it wait. Not here: sampling options and the length of the context, which are the server's
to set (Ollama's default context is short, and it cuts a longer prompt without a word: see OLLAMA_CONTEXT_LENGTH).
"""

from __future__ import annotations

import asyncio
import difflib
import ipaddress
import os
import re
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from .backend import Backend, BackendFailed, BackendRefused, Completion, Prompt, Usage, Wait
from .retry_after import retry_after

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

T = TypeVar("T")

VENDOR_URL = "https://api.openai.com/v1"
"""Where the SDK goes when nobody says otherwise."""

POLL = 0.2
"""Seconds between two looks at whether the study was stopped."""

QUICK_RETRIES = (0.5, 1.0)
"""Seconds before each new attempt after a broken connection or an error of the server."""

FIRST_WAIT, LONGEST_WAIT, PATIENCE = 2.0, 60.0, 1800.0
"""Seconds: for a rate limit without a retry-after, the first wait, the longest, and all waits for one answer."""

CHECK_SECONDS = 15.0
"""For the list of models."""

_FINISH = {"stop": "end", "length": "length", "content_filter": "refusal"}
_WITH_URL = re.compile(r"(?P<model>.*?)@(?P<url>https?://.*|[\w.-]+:\d+(?:/.*)?)")
_KEY = re.compile(r"\b(?:sk|gsk|pk|hf)[-_][^\s'\",}]+")


class OpenAI(Backend):
    """A model behind an OpenAI-compatible server.

    The key and, without an explicit URL, the server come from the SDK's own variables, OPENAI_API_KEY and
    OPENAI_BASE_URL, read anew for each request. Only the vendor's own servers need a key.

    Parameters
    ----------
    spec : str
        ``MODEL`` or ``MODEL@URL``. A URL without a path gets ``/v1``, where all servers that we know have the protocol.
    """

    def __init__(self, spec: str) -> None:
        found = _WITH_URL.fullmatch(spec.strip())
        self.model = (found["model"] if found else spec).strip()
        self._url = _whole_url(found["url"]) if found else ""
        self._counted = True  # whether the server takes `stream_options`; learnt from it

    @property
    def name(self) -> str:
        """``openai:MODEL``."""
        return f"openai:{self.model}"

    @property
    def url(self) -> str:
        """The server's base URL."""
        return self._url or _whole_url(os.environ.get("OPENAI_BASE_URL", "").strip() or VENDOR_URL)

    def check(self) -> None:
        """See that SDK, model, key and server are there; nothing is asked of the model itself."""
        self._check_settings()
        import openai

        from .prices import cost

        cost(self.model, Usage())  # a price list that cannot be read is said now, not after the first answer
        try:
            models = _run(self._models(), CHECK_SECONDS, lambda seconds, reason: None)
        except openai.APIStatusError as error:
            # Without a list of models, or with a key that may not read it, a server can still complete.
            if error.status_code == 401:
                raise self._refused(error) from None
            return
        except (openai.APITimeoutError, TimeoutError):
            return  # busy, perhaps with loading the model
        except openai.APIConnectionError as error:
            raise BackendRefused(
                f"Nobody answers at {self._place} ({self._say(error)}): start the server, or mend the URL "
                "(--agent openai:MODEL@URL)."
            ) from None
        except (openai.APIError, ValueError, TypeError, AttributeError):
            return  # an answer, but in a form of its own
        if models and self.model not in models and f"{self.model}:latest" not in models:
            near = difflib.get_close_matches(self.model, models, 5, 0.3) or sorted(models)[:5]
            raise BackendRefused(
                f"{self._place} has no model {self.model!r}: use one of its own, as {', '.join(near)}."
            )

    def complete(self, prompt: Prompt, *, deadline: float, wait: Wait) -> Completion:
        """Answer a prompt; see `Backend.complete`."""
        self._check_settings()
        import openai

        left = deadline
        spent = Usage()  # by attempts that came to nothing
        retries, waits, waited = list(QUICK_RETRIES), 0, 0.0
        counted = self._counted
        objection: BackendRefused | None = None
        while True:
            answer = _Answer()
            start = time.monotonic()
            try:
                _run(self._stream(prompt, answer, left, counted), left, wait)
                problem: Exception | None = None if answer.whole else _Broken("the stream ended before the answer did")
            except TimeoutError:
                problem = None
            except (openai.APIError, ValueError) as error:  # ValueError: a piece of the stream that is no JSON
                problem = error
            seconds = time.monotonic() - start
            left -= seconds
            if answer.whole:
                self._counted = counted
                return Completion(answer.text, spent + self._usage(answer, seconds), answer.stop)
            # What a server has begun to answer it has counted; how much, it would have said at the end.
            begun = answer.begun or problem is None
            spent += Usage(seconds=seconds, cost=None if begun else 0.0)
            if problem is None or left <= 0 or isinstance(problem, openai.APITimeoutError):
                raise BackendFailed(f"{self.name} had no answer after {deadline:.4g} s.", spent)
            status = getattr(problem, "status_code", 0)
            if status in (400, 422) and counted:
                # A server that does not know `stream_options` may say so in any words: once more without them.
                counted, objection = False, self._refused(problem)
            elif status in (429, 503, 529) and getattr(problem, "code", None) != "insufficient_quota":
                response = getattr(problem, "response", None)
                pause = None if response is None else retry_after(response.headers)
                if pause is None:
                    pause = min(LONGEST_WAIT, FIRST_WAIT * 2**waits) * SystemRandom().uniform(0.8, 1.2)
                waits, waited = waits + 1, waited + pause
                what = "at its rate limit" if status == 429 else "overloaded"
                if waited > PATIENCE:
                    raise BackendFailed(
                        f"{self._place} is still {what}, after waiting for it: {self._say(problem)}", spent
                    )
                wait(pause, f"{self._place} is {what}")
            elif 400 <= status < 500 and status not in (408, 409, 425):
                raise objection or self._refused(problem)
            elif retries:
                wait(retries.pop(0), f"asking {self._place} again: {self._say(problem)}")
            else:
                raise BackendFailed(f"{self._place} failed: {self._say(problem)}", spent)

    @property
    def _place(self) -> str:
        """The server's URL, for people: without a password in it."""
        return re.sub(r"//[^/]*@", "//", self.url)

    @property
    def _key(self) -> str:
        return os.environ.get("OPENAI_API_KEY", "").strip()

    def _check_settings(self) -> None:
        """See all that can be seen without a request; raise `BackendRefused`."""
        try:
            import openai  # noqa: F401
        except ImportError:
            raise BackendRefused("The OpenAI SDK is not installed: pip install openai") from None
        if not self.model:
            raise BackendRefused(
                "No model was given: use --agent openai:MODEL, or openai:MODEL@URL for a server of yours."
            )
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid:
            raise BackendRefused(
                f"{self._place!r} is no URL: use one as http://localhost:8000/v1 (--agent openai:MODEL@URL)."
            )
        if not self._key and _is_vendor(self.url):
            raise BackendRefused("There is no key for OpenAI: set OPENAI_API_KEY, or name a server (openai:MODEL@URL).")
        if not (self._key.isascii() and self._key.isprintable()):
            raise BackendRefused("OPENAI_API_KEY is no key: it has characters that no key has.")

    def _client(self, seconds: float) -> AsyncOpenAI:
        import openai

        # A proxy of the environment is for the world outside; it cannot know our loopback.
        local = openai.DefaultAsyncHttpxClient(trust_env=False) if _is_loopback(self.url) else None
        return openai.AsyncOpenAI(
            api_key=self._key or "none", base_url=self.url, timeout=seconds, max_retries=0, http_client=local
        )

    async def _models(self) -> list[str]:
        async with self._client(CHECK_SECONDS) as client:
            page = await client.models.list()
        # llama.cpp's server answers with what it has loaded, whatever the model is called in the request.
        return [] if any(m.owned_by == "llamacpp" for m in page.data) else [m.id for m in page.data]

    async def _stream(self, prompt: Prompt, answer: _Answer, seconds: float, counted: bool) -> None:
        """Ask, and fill `answer` as it comes in."""
        import openai

        # One message of the system: many chat templates know one at most, and then want strict alternation.
        system = "\n\n".join(part.strip() for part in (prompt.system, prompt.stable) if part.strip())
        messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": system}] if system else []
        for turn in prompt.turns:
            if turn.role == "user":
                messages.append({"role": "user", "content": turn.text})
            else:
                messages.append({"role": "assistant", "content": turn.text})
        # Our own deadline comes first; the SDK's is for one read only.
        async with self._client(seconds + 5) as client:
            stream = await client.chat.completions.create(
                model=self.model,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True} if counted else openai.omit,
            )
            answer.begun = True
            async with stream:
                async for chunk in stream:
                    answer.add(chunk)
                    if answer.finish and (answer.usage is not None or not counted):
                        break  # some servers leave the connection open

    def _usage(self, answer: _Answer, seconds: float) -> Usage:
        from .prices import cost

        if answer.usage is None:
            return Usage(calls=1, seconds=seconds, cost=None)
        usage = replace(answer.usage, calls=1, seconds=seconds)
        return replace(usage, cost=cost(self.model, usage))

    def _say(self, error: Exception) -> str:
        """Say an error in one short line without keys."""
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
            line = line.replace(self._key, "...")
        return _KEY.sub("...", line)[:300].rstrip(" .")

    def _refused(self, error: Exception) -> BackendRefused:
        status = getattr(error, "status_code", 0)
        advice = {
            401: "see OPENAI_API_KEY",
            403: "see what the key in OPENAI_API_KEY may do",
            404: f"see whether it has the model {self.model!r}, and the URL",
            429: "see what the account has left",
        }.get(status, "mend that first")
        return BackendRefused(f"{self._place} refuses ({status}: {self._say(error)}): {advice}.")


class _Broken(ValueError):
    """A stream that ended too early."""


@dataclass
class _Answer:
    """An answer as it comes in; begun when the server has taken the request."""

    parts: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    finish: str = ""
    usage: Usage | None = None
    begun: bool = False

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take a chunk. Servers differ in what they leave out, so nothing is taken for granted."""
        if (used := getattr(chunk, "usage", None)) is not None:
            details = getattr(used, "prompt_tokens_details", None)
            cached = getattr(details, "cached_tokens", None) or 0
            asked = getattr(used, "prompt_tokens", None) or 0
            self.usage = Usage(
                input=max(0, asked - cached), cached=cached, output=getattr(used, "completion_tokens", None) or 0
            )
        for choice in getattr(chunk, "choices", None) or ():
            # Thinking comes as `reasoning_content` or `reasoning` and is left where it is.
            self.parts.append(getattr(choice.delta, "content", None) or "")
            self.refusal.append(getattr(choice.delta, "refusal", None) or "")
            self.finish = getattr(choice, "finish_reason", None) or self.finish

    @property
    def whole(self) -> bool:
        return bool(self.finish)

    @property
    def text(self) -> str:
        return without_thinking("".join(self.parts)) or "".join(self.refusal)

    @property
    def stop(self) -> str:
        return "refusal" if any(self.refusal) else _FINISH.get(self.finish, self.finish)


def without_thinking(text: str) -> str:
    """Strip the thinking that a server without a parser for it leaves at the beginning of the text.

    Parameters
    ----------
    text : str
        Begins with ``<think>...</think>``; or without the opening tag, where the model's chat template has written it
        already; or the thinking was cut off, and there is nothing else.

    Returns
    -------
    str
        The text as it is when none of that is so.
    """
    begun = text.lstrip().startswith("<think>")
    _, closed, rest = text.partition("</think>")
    if begun:
        return rest.lstrip()
    return rest.lstrip() if closed and "<think>" not in text and "</think>" not in rest else text


def _run(job: Coroutine[Any, Any, T], seconds: float, wait: Wait) -> T:
    """Run a coroutine in a thread of its own, with a loop of its own: a notebook's thread has one already.

    A coroutine can be cancelled at whatever it waits for, a name server or a silent socket, and then closes what it has
    opened; a blocking read cannot.

    Raises
    ------
    TimeoutError
        After so many seconds.
    Stopped
        From `wait`, called every `POLL` seconds with 0.
    """
    done: Future[T] = Future()
    loop = asyncio.new_event_loop()
    task = loop.create_task(job)

    def work() -> None:
        try:
            try:
                result = loop.run_until_complete(task)
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    thread = threading.Thread(target=work, name="autoresearch-openai", daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    try:
        while thread.is_alive():
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            thread.join(min(POLL, left))
            wait(0.0, "")
        return done.result()
    finally:
        if thread.is_alive():
            with suppress(RuntimeError):  # it has closed its loop meanwhile
                loop.call_soon_threadsafe(task.cancel)
            thread.join(2.0)


def _whole_url(url: str) -> str:
    """Complete a URL that has no scheme or no path."""
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
