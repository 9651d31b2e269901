"""The small LLaVA at work: it looks once, says what it sees, and answers whatever is asked about that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, LlavaForConditionalGeneration, PreTrainedTokenizerFast

from vla.contract import ContractError
from vla.models.llava import side_by_side
from vla.models.vlm import AllowedNext
from vla.models.words import (
    END,
    PICTURE,
    SAYS,
    SEES,
    START,
    goal_words,
    question_words,
    reply_words,
    spaced,
)

CAMERAS: Final = ("front", "wrist")
"""Whose pictures it looks at, in this order."""
_LONGEST_SIGHT = 120
_LONGEST_REPLY = 160


@dataclass
class Look:
    """What one look has left behind: everything that is said afterwards begins here.

    Attributes:
        seen: What is seen, in the words of :mod:`vla.planner.seen`.
        cache: Keys and values of the picture and those words.
    """

    seen: str
    cache: DynamicCache


class TalkingLlava:
    """A :class:`vla.models.vlm.VisionLanguageModel` that looks at both cameras.

    A picture twice as wide as it is high is taken for the cameras' pictures side by side, any other for that
    of the front camera alone; sizes other than the eyes' own are scaled.

    Args:
        model: Put in evaluation mode.
        tokenizer: Its words.
    """

    def __init__(self, model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer
        vision = model.config.vision_config
        self._size = int(vision.scene["vision"]["image_size"])
        self._pictures = int(model.config.image_seq_length)
        self._ids: dict[str, int] = dict(tokenizer.get_vocab())
        self._known: dict[frozenset[str], dict[int, str]] = {}

    @classmethod
    def load(cls, folder: Path | str, device: str = "cpu") -> TalkingLlava:
        """Read what ``save_pretrained`` wrote.

        Raises:
            ContractError: the folder holds no such model.
        """
        try:
            about = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
            kind = about["vision_config"]["model_type"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ContractError(f"{folder} holds no planner's model: {error!r}") from error
        if kind != "handily_scene":
            raise ContractError(f"{folder} holds eyes of type {kind!r}, not 'handily_scene'")
        model = LlavaForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        return cls(model.to(device), tokenizer)

    @property
    def image_size(self) -> int:
        """Side in pixels of the square pictures that :meth:`look` wants."""
        return self._size

    @torch.inference_mode()
    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> Look:
        """Look, and say what is seen.

        Args:
            pictures: The cameras' pictures, uint8 (H, W, 3) each, of the eyes' own size.
        """
        images = [torch.from_numpy(np.ascontiguousarray(p))[None] for p in pictures]
        ids = [self._ids[START], *[self._ids[PICTURE]] * self._pictures, self._ids[SEES]]
        cache = DynamicCache()
        device = self._model.device
        out = self._model(
            input_ids=torch.tensor([ids], device=device),
            pixel_values=side_by_side(images).to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        said, logits = [], out.logits[0, -1]
        while len(said) < _LONGEST_SIGHT:
            said.append(int(logits.argmax()))
            logits = self._feed(said[-1:], cache)
            if said[-1] == self._ids[END]:
                break
        return Look(self._text(said), cache)

    @torch.inference_mode()
    def say(self, look: Look, words: str, allowed: AllowedNext | None = None, limit: int = 160) -> str:
        """Answer what is asked about a look; the look stays as it is.

        Args:
            look: What was seen.
            words: A goal or a question, laid out by :mod:`vla.models.words`.
            allowed: Keeps what is said inside a grammar of words.
            limit: Most tokens.
        """
        start = look.cache.get_seq_length()
        try:
            logits = self._feed(self._encode(words), look.cache)
            return (
                self._constrained(logits, look.cache, allowed, limit)
                if allowed
                else self._free(logits, look.cache, limit)
            )
        finally:
            _rewind(look.cache, start)

    def reply(
        self,
        image: NDArray[np.uint8],
        prompt: str,
        allowed: AllowedNext | None = None,
        max_words: int = 120,
    ) -> str:
        """See :class:`vla.models.vlm.VisionLanguageModel`; with a grammar the prompt is a goal."""
        look = self.look(self._cameras(image))
        words = goal_words(prompt) if allowed else question_words(prompt)
        return self.say(look, words, allowed, max_words)

    def score(self, image: NDArray[np.uint8], prompt: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """See :class:`vla.models.vlm.VisionLanguageModel`."""
        return self.weigh(self.look(self._cameras(image)), question_words(prompt), choices)

    @torch.inference_mode()
    def weigh(self, look: Look, words: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """Logarithms of the probabilities of some answers, (len(choices),)."""
        start, found = look.cache.get_seq_length(), []
        try:
            first = self._feed(self._encode(words), look.cache).log_softmax(-1)
            asked = look.cache.get_seq_length()
            for choice in choices:
                ids = self._encode(reply_words(choice))
                total = float(first[ids[0]])
                if len(ids) > 1:
                    rest = self._all(ids[:-1], look.cache).log_softmax(-1)
                    total += float(rest[range(len(ids) - 1), ids[1:]].sum())
                    _rewind(look.cache, asked)
                found.append(total)
        finally:
            _rewind(look.cache, start)
        return np.array(found)

    def _free(self, logits: Tensor, cache: DynamicCache, limit: int) -> str:
        said: list[int] = []
        while len(said) < limit:
            said.append(int(logits.argmax()))
            if said[-1] == self._ids[END]:
                break
            logits = self._feed(said[-1:], cache)
        return self._text(said)

    def _constrained(self, logits: Tensor, cache: DynamicCache, allowed: AllowedNext, limit: int) -> str:
        """Only words that may follow; those that must follow cost no look at the model of their own."""
        said: list[str] = []
        waiting: list[int] = []
        while len(said) < limit and (choices := allowed(said)):
            known = self._tokens(choices)
            if len(known) > 1:
                if waiting:
                    logits, waiting = self._feed(waiting, cache), []
                ids = list(known)
                token = ids[int(logits[ids].argmax())]
            else:
                token = next(iter(known))
            said.append(known[token])
            waiting.append(token)
        return " ".join(said)

    def _tokens(self, words: frozenset[str]) -> dict[int, str]:
        if words not in self._known:
            tokens = {}
            for word in sorted(words):
                ids = self._encode(word)
                if len(ids) != 1:
                    raise ContractError(f"the model has no token for the word {word!r} of the grammar")
                tokens[ids[0]] = word
            self._known[words] = tokens
        return self._known[words]

    def _encode(self, words: str) -> list[int]:
        return self._tokenizer(words, add_special_tokens=False)["input_ids"]  # pyright: ignore[reportReturnType]

    def _text(self, ids: Sequence[int]) -> str:
        return " ".join(self._tokenizer.decode(ids, skip_special_tokens=True).split())

    def _feed(self, ids: Sequence[int], cache: DynamicCache) -> Tensor:
        """Read on; returns the logits of what comes next, (vocabulary,)."""
        return self._all(ids, cache, 1)[-1]

    def _all(self, ids: Sequence[int], cache: DynamicCache, keep: int = 0) -> Tensor:
        device = self._model.device
        out = self._model(
            input_ids=torch.tensor([list(ids)], device=device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        return out.logits[0]

    def _cameras(self, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The cameras' pictures in the eyes' size."""
        height, width = image.shape[:2]
        halves = [image[:, : width // 2], image[:, width // 2 :]] if width == 2 * height else [image]
        pictures = [_scaled(half, self._size) for half in halves]
        return pictures + [np.zeros_like(pictures[0])] * (len(CAMERAS) - len(pictures))


def _rewind(cache: DynamicCache, length: int) -> None:
    """Forget what has been read beyond that many tokens."""
    beyond = cache.get_seq_length() - length
    if beyond:
        cache.crop(-beyond)


def _scaled(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A square picture of that side; what is not square is squeezed."""
    if image.shape[:2] == (size, size):
        return image
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
    scaled = torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return scaled[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


__all__ = ["CAMERAS", "SAYS", "Look", "TalkingLlava", "spaced"]
