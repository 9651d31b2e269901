"""The small LLaVA at work: it looks once, says what it sees, and answers whatever is asked about that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, LlavaForConditionalGeneration, PreTrainedTokenizerFast

from vla.contract import ContractError
from vla.models.llava import embedded, load_small_llava, scaled
from vla.models.scene import Sighting, agreed, glances
from vla.models.vlm import AllowedNext
from vla.models.words import END, PICTURE, SEES, START, goal_words, question_words, reply_words, spaced

CAMERAS: Final = ("front", "wrist")
"""Whose pictures it looks at, in this order."""
_LONGEST_SIGHT = 120
_LONGEST_REPLY = 160
_LONGEST_REQUEST = 512
"""Tokens, at most: of what is seen, of what is said, and of what is asked."""


@dataclass
class Look:
    """What one look has left behind: everything that is said afterwards begins here.

    Attributes:
        seen: What is seen, in the words of :mod:`vla.planner.seen`.
        sighting: What the eyes' object queries believe.
        tokens: The picture's tokens, (1, N, D).
        cache: Keys and values of the picture and those words; None until something is asked, since a planner
            that only wants the sighting looks far more often than anybody asks.
    """

    seen: str
    sighting: Sighting
    tokens: Tensor
    cache: DynamicCache | None = None


class TalkingLlava:
    """A :class:`vla.models.vlm.VisionLanguageModel` that looks at both cameras.

    A picture twice as wide as it is high is taken for the cameras' pictures side by side, any other for that
    of the front camera alone; sizes other than the eyes' own are scaled.

    Args:
        model: Put in evaluation mode.
        tokenizer: Its words.
        read: Words for what the eyes' object queries believe; None lets the language model say what is seen.
    """

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
        read: Callable[[Sighting], str] | None = None,
    ) -> None:
        self._model, self._tokenizer, self._read = model.eval(), tokenizer, read
        vision: Any = model.config.vision_config
        self._size = int(vision.scene["vision"]["image_size"])
        self._pictures = int(model.config.image_seq_length)
        self._ids: dict[str, int] = dict(tokenizer.get_vocab())
        self._known: dict[frozenset[str], dict[int, str]] = {}

    @classmethod
    def load(
        cls, folder: Path | str, device: str = "cpu", read: Callable[[Sighting], str] | None = None
    ) -> TalkingLlava:
        """Read a folder; see :func:`vla.models.llava.load_small_llava`, also for its errors."""
        model, tokenizer = load_small_llava(folder)
        torch.nn.Module.to(model, torch.device(device))
        return cls(model, tokenizer, read)

    @property
    def image_size(self) -> int:
        """Side in pixels of the square pictures that :meth:`look` wants."""
        return self._size

    @torch.inference_mode()
    def look(self, pictures: Sequence[NDArray[np.uint8]]) -> Look:
        """Look, and say what is seen: what five glances agree on, each a little beside the others.

        Args:
            pictures: The cameras' pictures, uint8 (H, W, 3) each.
        """
        images = [torch.tensor(scaled(p, self._size)) for p in pictures]
        eyes = self._model.model.vision_tower.eyes
        tokens, heat = eyes(glances(torch.stack(images)).to(self._model.device))
        sighting, tokens = agreed(eyes.believe(tokens, heat)), tokens[:1]
        if self._read is not None:
            return Look(self._read(sighting), sighting, tokens)
        cache = DynamicCache()
        logits = self._open(tokens, [], cache)
        said: list[int] = []
        end = self._ids[END]
        while said[-1:] != [end]:
            said.append(int(logits.argmax()) if len(said) < _LONGEST_SIGHT - 1 else end)
            logits = self._feed(said[-1:], cache)
        return Look(self._text(said), sighting, tokens, cache)

    def _open(self, tokens: Tensor, seen: Sequence[int], cache: DynamicCache) -> Tensor:
        """Read a picture and what is seen in it; returns the logits of what comes next, (vocabulary,)."""
        ids = [self._ids[START], *[self._ids[PICTURE]] * self._pictures, self._ids[SEES], *seen]
        out = self._model(
            inputs_embeds=embedded(self._model, torch.tensor([ids], device=self._model.device), tokens),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[0, -1]

    def _cache_of(self, look: Look) -> DynamicCache:
        if look.cache is None:
            look.cache = DynamicCache()
            self._open(look.tokens, [*self._encode(spaced(look.seen)), self._ids[END]], look.cache)
        return look.cache

    @torch.inference_mode()
    def understand(self, sentence: str, allowed: AllowedNext, limit: int = _LONGEST_REPLY) -> str:
        """What a sentence means, whatever the table looks like.

        Args:
            sentence: What somebody says.
            allowed: The language of meanings, word by word.
            limit: Most tokens.

        Raises:
            ContractError: the sentence is too long, or the grammar has a word that is not one token.
        """
        cache = DynamicCache()
        logits = self._feed([self._ids[START], *self._request(goal_words(sentence))], cache)
        return self._constrained(logits, cache, allowed, limit)

    @torch.inference_mode()
    def say(
        self, look: Look, words: str, allowed: AllowedNext | None = None, limit: int = _LONGEST_REPLY
    ) -> str:
        """Answer what is asked about a look; the look stays as it is.

        Args:
            look: What was seen.
            words: A question, laid out by :mod:`vla.models.words`.
            allowed: Keeps what is said inside a grammar of words.
            limit: Most tokens.

        Raises:
            ContractError: too much is asked, or the grammar has a word that is not one token.
        """
        asked, cache = self._request(words), self._cache_of(look)
        start = cache.get_seq_length()
        try:
            logits = self._feed(asked, cache)
            return (
                self._constrained(logits, cache, allowed, limit)
                if allowed
                else self._free(logits, cache, limit)
            )
        finally:
            _rewind(cache, start)

    def reply(
        self,
        image: NDArray[np.uint8],
        prompt: str,
        allowed: AllowedNext | None = None,
        max_words: int = 120,
    ) -> str:
        """See :class:`vla.models.vlm.VisionLanguageModel`."""
        return self.say(self.look(self.cameras(image)), question_words(prompt), allowed, max_words)

    def score(self, image: NDArray[np.uint8], prompt: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """See :class:`vla.models.vlm.VisionLanguageModel`."""
        return self.weigh(self.look(self.cameras(image)), question_words(prompt), choices)

    @torch.inference_mode()
    def weigh(self, look: Look, words: str, choices: Sequence[str]) -> NDArray[np.float64]:
        """Logarithms of the probabilities of some answers, (len(choices),); the look stays as it is.

        Raises:
            ContractError: too much is asked.
        """
        request, cache, found = self._request(words), self._cache_of(look), []
        start = cache.get_seq_length()
        try:
            first = self._feed(request, cache).log_softmax(-1)
            asked = cache.get_seq_length()
            for choice in choices:
                ids = self._encode(reply_words(choice))
                total = float(first[ids[0]])
                if len(ids) > 1:
                    rest = self._all(ids[:-1], cache).log_softmax(-1)
                    total += float(rest[range(len(ids) - 1), ids[1:]].sum())
                    _rewind(cache, asked)
                found.append(total)
        finally:
            _rewind(cache, start)
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

    def _request(self, words: str) -> list[int]:
        ids = self._encode(words)
        if len(ids) > _LONGEST_REQUEST:
            raise ContractError(f"{len(ids)} words and pieces are asked at once; at most {_LONGEST_REQUEST}")
        return ids

    def _encode(self, words: str) -> list[int]:
        return self._tokenizer(words, add_special_tokens=False)["input_ids"]  # pyright: ignore[reportReturnType]

    def _text(self, ids: Sequence[int]) -> str:
        return " ".join(str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).split())

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

    @staticmethod
    def cameras(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The cameras' pictures in one picture; one that there is not is black."""
        height, width = image.shape[:2]
        halves = [image[:, : width // 2], image[:, width // 2 :]] if width == 2 * height else [image]
        return halves + [np.zeros_like(halves[0])] * (len(CAMERAS) - len(halves))


def _rewind(cache: DynamicCache, length: int) -> None:
    """Forget what has been read beyond that many tokens."""
    beyond = cache.get_seq_length() - length
    if beyond:
        cache.crop(-beyond)
