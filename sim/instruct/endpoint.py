"""A chat model behind any OpenAI-compatible address: it keeps every answer and counts tokens and retries."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vla.dataset.schema import write_text
from vla.planner.chat_link import KEY_VARIABLE, ChatAddress, ChatError, ChatLimits, ChatLink

Message = Mapping[str, str]
"""``role`` ("system", "user" or "assistant") and ``content``."""

_LARGEST_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the model is and what it costs.

    Attributes:
        url: Base address, see :meth:`vla.planner.chat_link.ChatAddress.parse`.
        model: Its name there.
        key_variable: Environment variable that holds the key; where it is not set, none is sent.
        temperature: Sampling temperature.
        max_tokens: Longest answer.
        timeout_s: For one try.
        retries: Further tries after a failure that may pass.
        price_in: Price of a million tokens read, in any currency.
        price_out: Price of a million tokens written.
        plain_http: Permit http:// to another machine.

    Raises:
        ChatError: ``url`` is no address, plain http to another machine without permission, or there is no
            ``model``.
    """

    url: str
    model: str
    key_variable: str = KEY_VARIABLE
    temperature: float = 0.7
    max_tokens: int = 600
    timeout_s: float = 60.0
    retries: int = 5
    price_in: float = 0.0
    price_out: float = 0.0
    plain_http: bool = False

    def __post_init__(self) -> None:
        self.address  # noqa: B018  (refuses what is none)
        if not self.model:
            raise ChatError("an endpoint needs the name of a model: model=NAME")

    @property
    def address(self) -> ChatAddress:
        """The url, read."""
        return ChatAddress.parse(self.url, self.plain_http)


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
        limits = ChatLimits(settings.timeout_s, settings.retries + 1, _LARGEST_BYTES, settings.plain_http)
        key = os.environ.get(settings.key_variable, "")
        self._link = ChatLink(settings.address, key, limits, self._retry_after)
        cache.mkdir(parents=True, exist_ok=True)

    def complete(self, messages: Sequence[Message]) -> str:
        """The model's answer to a talk.

        Raises:
            ChatError: it refuses, cannot be reached after all retries, or answers nonsense.
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
        answer, tokens_in, tokens_out = _answer_of(self._link.ask("/chat/completions", wanted))
        write_text(path, json.dumps({"answer": answer, "tokens_in": tokens_in, "tokens_out": tokens_out}))
        with self._lock:
            self.tally.asked += 1
            self.tally.tokens_in += tokens_in
            self.tally.tokens_out += tokens_out
        return answer

    def _retry_after(self, wait_s: float) -> None:
        with self._lock:
            self.tally.retried += 1
        self._sleep(wait_s)


def _answer_of(data: Any) -> tuple[str, int, int]:
    """Words, tokens read, tokens written.

    Raises:
        ChatError: it is no chat completion.
    """
    try:
        answer = data["choices"][0]["message"]["content"]
        usage = data.get("usage") or {}
        if not isinstance(answer, str):
            raise TypeError(f"content is {answer!r}")
        return answer, int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ChatError(f"no chat completion: {error!r} in {str(data)[:200]!r}") from error
