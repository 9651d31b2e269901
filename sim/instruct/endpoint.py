"""A chat model behind any OpenAI-compatible address: it retries, keeps every answer and counts tokens."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from vla.contract import ContractError
from vla.dataset.schema import write_text

Message = Mapping[str, str]
"""``role`` ("system", "user" or "assistant") and ``content``."""

_RETRIED: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_LARGEST_BYTES = 4_000_000


class EndpointError(ContractError):
    """The endpoint cannot be used, or answered something that is no chat completion."""


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the model is and what it costs.

    Attributes:
        url: Base address, such as ``http://127.0.0.1:8000/v1``.
        model: Its name there.
        key_variable: Environment variable that holds the key; where it is not set, none is sent.
        temperature: Sampling temperature.
        max_tokens: Longest answer.
        timeout_s: For one try.
        retries: Further tries after a failure that may pass.
        price_in: Price of a million tokens read, in any currency.
        price_out: Price of a million tokens written.
    """

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    temperature: float = 0.7
    max_tokens: int = 600
    timeout_s: float = 60.0
    retries: int = 5
    price_in: float = 0.0
    price_out: float = 0.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointError(f"endpoint {self.url!r} is no address like http://127.0.0.1:8000/v1")
        if not self.model:
            raise EndpointError("an endpoint needs the name of a model: model=NAME")


@dataclass(slots=True)
class Tally:
    """What was asked so far.

    Attributes:
        asked: Answers that came over the wire.
        kept: Answers that were on disk already.
        retried: Tries that failed and were repeated.
        tokens_in: Tokens read by the model, as it says.
        tokens_out: Tokens written by the model.
    """

    asked: int = 0
    kept: int = 0
    retried: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def cost(self, settings: EndpointSettings) -> float:
        """In the currency of the prices."""
        return (self.tokens_in * settings.price_in + self.tokens_out * settings.price_out) / 1e6


class _Passing(Exception):  # noqa: N818  (it passes)
    """A failure that may pass; with how long the server asks to wait."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Endpoint:
    """Asks, from several threads at once if need be; every answer is kept in a folder.

    Args:
        settings: Where and which.
        cache: Folder of answers; the same messages are never paid for twice.
        sleep: Waits so many seconds.
    """

    def __init__(
        self, settings: EndpointSettings, cache: Path, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.settings, self.tally = settings, Tally()
        self._cache, self._sleep, self._lock = cache, sleep, threading.Lock()
        cache.mkdir(parents=True, exist_ok=True)

    def complete(self, messages: Sequence[Message]) -> str:
        """The model's answer to a talk.

        Raises:
            EndpointError: it refuses, cannot be reached after all retries, or answers nonsense.
        """
        settings = self.settings
        wanted = {
            "model": settings.model,
            "messages": [dict(message) for message in messages],
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
        }
        key = hashlib.sha256(json.dumps([settings.url, wanted], sort_keys=True).encode()).hexdigest()
        path = self._cache / f"{key}.json"
        if path.exists():
            with self._lock:
                self.tally.kept += 1
            return str(json.loads(path.read_text())["answer"])
        answer, tokens_in, tokens_out = self._ask(wanted)
        write_text(path, json.dumps({"answer": answer, "tokens_in": tokens_in, "tokens_out": tokens_out}))
        with self._lock:
            self.tally.asked += 1
            self.tally.tokens_in += tokens_in
            self.tally.tokens_out += tokens_out
        return answer

    def _ask(self, wanted: Mapping[str, Any]) -> tuple[str, int, int]:
        wait_s = _FIRST_WAIT_S
        for attempt in range(self.settings.retries + 1):
            try:
                return _answer_of(self._post(json.dumps(wanted).encode()))
            except _Passing as failure:
                if attempt == self.settings.retries:
                    tries = f"after {attempt + 1} tries"
                    raise EndpointError(f"{self.settings.url}: {failure}, {tries}") from failure
                with self._lock:
                    self.tally.retried += 1
                self._sleep(min(_LONGEST_WAIT_S, max(wait_s, failure.wait_s)))
                wait_s *= 2
        raise AssertionError("the loop returns or raises")

    def _post(self, body: bytes) -> bytes:
        parts = urlsplit(self.settings.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        assert parts.hostname is not None
        connection = kind(parts.hostname, parts.port, timeout=self.settings.timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if secret := os.environ.get(self.settings.key_variable):
            headers["Authorization"] = f"Bearer {secret}"
        try:
            connection.request("POST", f"{parts.path.rstrip('/')}/chat/completions", body, headers)
            response = connection.getresponse()
            text = response.read(_LARGEST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if len(text) > _LARGEST_BYTES:
            raise EndpointError(f"{self.settings.url}: the answer is longer than {_LARGEST_BYTES} bytes")
        if response.status in _RETRIED:
            after = response.headers.get("Retry-After", "")
            raise _Passing(f"status {response.status}", float(after) if after.isdigit() else 0.0)
        if response.status != 200:
            said = text[:200].decode("utf-8", "replace")
            raise EndpointError(f"{self.settings.url}: status {response.status}: {said}")
        return text


def _answer_of(text: bytes) -> tuple[str, int, int]:
    """Words, tokens read, tokens written.

    Raises:
        EndpointError: it is no chat completion.
    """
    try:
        data = json.loads(text)
        answer = data["choices"][0]["message"]["content"]
        usage = data.get("usage") or {}
        if not isinstance(answer, str):
            raise TypeError(f"content is {answer!r}")
        return answer, int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise EndpointError(f"no chat completion: {error!r} in {text[:200]!r}") from error
