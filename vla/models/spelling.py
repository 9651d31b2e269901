"""Words spelled by tokens, so that a model with any tokenizer can be kept inside a grammar of words.

A grammar says which words may come next; a tokenizer's tokens are pieces of text. What each token adds to a
text is looked up once per tokenizer. From then on a step costs the letters of the words that may come next,
not the size of the vocabulary, and each state of the grammar is spelled out once.

Within a reply, words are parted by one space; ``;``, ``:`` and ``.`` follow at once or after a space. A token
that would end one word and begin another is never used: every word can be spelled without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vla.contract import ContractError
from vla.models.vlm import AllowedNext

_ANCHOR: Final = "a"
_MOST_STATES: Final = 20_000


class SpellingError(ContractError):
    """A tokenizer has no tokens for the words of a grammar."""


class TokenTexts:
    """What each token of a tokenizer adds to a text.

    Args:
        tokenizer: Any of transformers' tokenizers.
    """

    def __init__(self, tokenizer: Any) -> None:
        special = set(tokenizer.all_special_ids)
        ids = [i for i in range(len(tokenizer)) if i not in special]
        # A token's text shows behind another one: tokenizers drop a space at the beginning of a text.
        anchor = tokenizer.encode(_ANCHOR, add_special_tokens=False)[-1:] or ids[:1]
        start, *texts = _decoded(tokenizer, [anchor, *([*anchor, i] for i in ids)])
        self._text: dict[int, str] = {}
        self._ids: dict[str, list[int]] = {}
        for i, text in zip(ids, texts, strict=True):
            added = text.removeprefix(start)
            if text.startswith(start) and added:
                self._text[i] = added
                self._ids.setdefault(added, []).append(i)
        self._spellable: dict[str, bool] = {}

    def text(self, token: int) -> str:
        """What a token adds; "" for special ones."""
        return self._text.get(token, "")

    def beginnings(self, text: str) -> Iterable[tuple[str, list[int]]]:
        """Every beginning of ``text`` that is one token, with the tokens, if tokens can spell the rest."""
        for end in range(1, len(text) + 1):
            ids = self._ids.get(text[:end])
            if ids and self._can_spell(text[end:]):
                yield text[:end], ids

    def _can_spell(self, text: str) -> bool:
        if not text:
            return True
        if text not in self._spellable:
            if len(self._spellable) > _MOST_STATES:
                self._spellable.clear()
            self._spellable[text] = any(True for _ in self.beginnings(text))
        return self._spellable[text]


def _decoded(tokenizer: Any, sequences: list[list[int]]) -> list[str]:
    """Texts of token sequences, nothing tidied up; at once where the tokenizer is a fast one."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is not None:
        return fast.decode_batch(sequences, skip_special_tokens=False)
    return [tokenizer.decode(ids, clean_up_tokenization_spaces=False) for ids in sequences]


@dataclass(frozen=True, slots=True)
class Spelled:
    """How far a reply has come.

    Attributes:
        words: What has been said for certain.
        begun: The beginning of the next word, or all of it, with the space in front.
    """

    words: tuple[str, ...] = ()
    begun: str = ""


class Speller:
    """A grammar of words in the tokens of one tokenizer.

    Args:
        texts: What the tokenizer's tokens add.
        allowed: Which words may come next.
    """

    def __init__(self, texts: TokenTexts, allowed: AllowedNext) -> None:
        self._texts, self._allowed = texts, allowed
        self._next: dict[Spelled, tuple[int, ...]] = {}

    def next_tokens(self, spelled: Spelled) -> tuple[int, ...]:
        """The tokens that may come next, in order; none when all has been said.

        Raises:
            SpellingError: something may be said, but the tokenizer cannot spell it.
        """
        if spelled not in self._next:
            if len(self._next) > _MOST_STATES:
                self._next.clear()
            self._next[spelled] = self._spell_out(spelled)
        return self._next[spelled]

    def after(self, spelled: Spelled, token: int) -> Spelled:
        """The state behind one of :meth:`next_tokens`."""
        text = self._texts.text(token)
        begun = spelled.begun + text
        if any(piece.startswith(begun) for piece in self._pieces(spelled.words)):
            return Spelled(spelled.words, begun)
        return Spelled(self.words(spelled), text)

    def words(self, spelled: Spelled) -> tuple[str, ...]:
        """All whole words said, with the last one if it is whole."""
        word = spelled.begun.strip()
        whole = bool(word) and word in self._allowed(spelled.words)
        return (*spelled.words, word) if whole else spelled.words

    def _spell_out(self, spelled: Spelled) -> tuple[int, ...]:
        rests = [
            piece.removeprefix(spelled.begun)
            for piece in self._pieces(spelled.words)
            if piece.startswith(spelled.begun)
        ]
        words = self.words(spelled)
        if words != spelled.words:
            rests += self._pieces(words)
        wanted = [rest for rest in rests if rest]
        found = {i for rest in wanted for _, ids in self._texts.beginnings(rest) for i in ids}
        if wanted and not found:
            said, some = render(spelled.words), sorted({rest.strip() for rest in wanted})[:5]
            raise SpellingError(f"the tokenizer has no tokens for {', '.join(some)!r} behind {said!r}")
        return tuple(sorted(found))

    def _pieces(self, words: tuple[str, ...]) -> list[str]:
        """The texts that may follow some words: each allowed word with and without a space, as it may be."""
        pieces: list[str] = []
        for word in self._allowed(words):
            pieces.append(f" {word}")
            if not words or not word[0].isalnum():
                pieces.append(word)
        return pieces


def render(words: Sequence[str]) -> str:
    """The text of some words: parted by spaces, but for ``;``, ``:`` and ``.``, which follow at once."""
    text = ""
    for word in words:
        text += f" {word}" if text and word[0].isalnum() else word
    return text
