"""A vision-language model behind an OpenAI-compatible server: vLLM, Ollama, llama.cpp and others."""

from __future__ import annotations

import base64
import io
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError
from vla.extras import needs
from vla.models.vlm import AllowedNext
from vla.planner.chat_link import KEY_VARIABLE, ChatAddress, ChatError, ChatLimits, ChatLink

_TOKENS_PER_WORD: Final = 4
_ALTERNATIVES: Final = 20
_UNKNOWN_FIELD: Final = frozenset({400, 404, 415, 422, 500, 501})
_LOSSLESS_PIXELS: Final = 1_000_000


class ChatServer:
    """A :class:`vla.models.vlm.VisionLanguageModel` that asks a server by HTTP.

    A grammar of words cannot be sent. Where one is asked for, the server is asked for JSON with one line in
    it, of a given pattern if there is one; a server that does not know that is asked for plain text.

    Args:
        url: ``http://127.0.0.1:11434/v1#llava:7b``; the part behind ``#`` names the model and may be left out
            where the server has one model only.
        limits: How long, how often and how much.
        pattern: A regular expression of what a grammar allows, from ``^`` to ``$``, or None.
        environment: Where the key is looked up, as :data:`KEY_VARIABLE`.
        sleep: Waits between tries.

    Raises:
        ChatError: the address cannot be used.
    """

    def __init__(
        self,
        url: str,
        limits: ChatLimits | None = None,
        pattern: str | None = None,
        environment: Mapping[str, str] = os.environ,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        limits = limits or ChatLimits()
        address = ChatAddress.parse(url, limits.plain_http)
        self._link = ChatLink(address, environment.get(KEY_VARIABLE, ""), limits, sleep)
        self._url, self._model, self._pattern = address.url, address.model, pattern
        self._knows_json, self._knows_logprobs = True, True

    @property
    def model(self) -> str:
        """The model's name there; the server is asked if the address did not say.

        Raises:
            ChatError: the server cannot be asked, or has none or several.
        """
        if not self._model:
            listed = self._link.ask("/models")
            entries = listed.get("data") if isinstance(listed, dict) else None
            names = [str(e["id"]) for e in entries or () if isinstance(e, dict) and e.get("id")]
            if len(names) != 1:
                some = ", ".join(names[:10]) or "none"
                raise ChatError(f"{self._url} has {len(names)} models ({some}); name one: {self._url}#MODEL")
            self._model = names[0]
        return self._model

    def reply(
        self,
        image: NDArray[np.uint8],
        prompt: str,
        allowed: AllowedNext | None = None,
        max_words: int = 120,
    ) -> str:
        """See :class:`vla.models.vlm.VisionLanguageModel`; ``allowed`` is a wish that may not be granted.

        Raises:
            ContractError: the picture is no picture, or ``max_words`` is below 1.
            ChatError: the server cannot be reached, or says what is no answer.
        """
        if max_words < 1:
            raise ContractError(f"max_words {max_words} must be at least 1")
        body = self._body(image, prompt, _TOKENS_PER_WORD * max_words + 16)
        if allowed is not None and self._knows_json:
            try:
                asked = f'{prompt}\nAnswer as JSON: {{"reply": "your reply"}}'
                wanted = self._body(image, asked, _TOKENS_PER_WORD * max_words + 32)
                return _cut(_unwrapped(self._text(wanted | {"response_format": self._format()})), max_words)
            except ChatError as error:
                if error.status not in _UNKNOWN_FIELD:
                    raise
            text = self._text(body)
            self._knows_json = False  # only now: had plain text failed too, the fault was another one
            return _cut(_unwrapped(text), max_words)
        return _cut(self._text(body), max_words)

    def score(self, image: NDArray[np.uint8], prompt: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """See :class:`vla.models.vlm.VisionLanguageModel`: by the first token's odds where the server tells.

        Raises:
            ContractError: the picture is no picture.
            ChatError: the server cannot be reached, or says what is no answer.
        """
        body = self._body(image, prompt, 8)
        answer: Any = None
        if self._knows_logprobs:
            try:
                answer = self._choice(body | {"logprobs": True, "top_logprobs": _ALTERNATIVES})
            except ChatError as error:
                if error.status not in _UNKNOWN_FIELD:
                    raise
        if answer is None:
            answer = self._choice(body)
            self._knows_logprobs = False
        weights = _weights(answer, choices)
        if np.isfinite(weights).any():
            return weights
        said = _content(answer).strip(" \n\"'`*.").lower()
        return np.array([0.0 if said.startswith(choice.lower()) else -np.inf for choice in choices])

    def _body(self, image: NDArray[np.uint8], prompt: str, tokens: int) -> dict[str, Any]:
        content = [
            {"type": "image_url", "image_url": {"url": data_url(image)}},
            {"type": "text", "text": prompt},
        ]
        messages = [{"role": "user", "content": content}]
        return {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": tokens}

    def _format(self) -> dict[str, Any]:
        line: dict[str, Any] = {"type": "string"} | ({"pattern": self._pattern} if self._pattern else {})
        schema = {
            "type": "object",
            "properties": {"reply": line},
            "required": ["reply"],
            "additionalProperties": False,
        }
        return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}

    def _text(self, body: dict[str, Any]) -> str:
        return _content(self._choice(body))

    def _choice(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self._link.ask("/chat/completions", body)
        try:
            choice = found["choices"][0]
            if isinstance(choice["message"]["content"], str):
                return choice
        except (LookupError, TypeError):
            pass
        raise ChatError(f"{self._url} says what is no chat completion: {json.dumps(found)[:200]}")


def data_url(image: NDArray[np.uint8]) -> str:
    """A picture inside an address: PNG, or JPEG where it has more than a megapixel.

    Raises:
        ContractError: ``image`` is not uint8 of shape (H, W, 3).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ContractError(f"image is {image.dtype} {image.shape}, expected uint8 (H, W, 3)")
    with needs("images"):
        from PIL import Image
    file = io.BytesIO()
    kind = "png" if image.shape[0] * image.shape[1] <= _LOSSLESS_PIXELS else "jpeg"
    Image.fromarray(image).save(file, kind, **({"quality": 90} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _content(choice: dict[str, Any]) -> str:
    return choice["message"]["content"].strip()


def _unwrapped(text: str) -> str:
    """The line inside the JSON that was asked for; a server that ignored the wish sends the line itself."""
    bare = text.removeprefix("```json").strip("` \n")
    try:
        found = json.loads(bare)
    except (ValueError, RecursionError):
        return text
    line = found.get("reply") if isinstance(found, dict) else None
    return line if isinstance(line, str) else text


def _weights(choice: dict[str, Any], choices: Sequence[str]) -> NDArray[np.float64]:
    """Log-probabilities of choices as the first word; -inf for what is not among the likeliest tokens."""
    found = np.full(len(choices), -np.inf)
    try:
        tokens = choice["logprobs"]["content"]
        first = next(entry for entry in tokens if entry["token"].strip())
        for entry in first["top_logprobs"]:
            for i, word in enumerate(choices):
                if entry["token"].strip().lower() == word.lower():
                    found[i] = np.logaddexp(found[i], float(entry["logprob"]))
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration):
        return np.full(len(choices), -np.inf)
    return found if not np.isnan(found).any() and (found <= 1e-3).all() else np.full(len(choices), -np.inf)


def _cut(text: str, max_words: int) -> str:
    words = text.split()
    return text if len(words) <= max_words else " ".join(words[:max_words])
