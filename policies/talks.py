"""Talks in tokens: many short lines in a few long arrays, which take a tenth of the room that lists do."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

IGNORED: Final = -100
TOLD, HEARD, SAID = range(3)
Line = Sequence[tuple[str, int]]
"""A talk's pieces, each with whose words it is."""
_LINES: Final = 4096
"""Lines that are made tokens of at once."""


@dataclass(frozen=True)
class Talk:
    """A talk in tokens.

    Attributes:
        ids: int16 (n,).
        heard: bool (n,), True on what a person says: a wish, or a question.
        said: bool (n,), True on what the model should say.
    """

    ids: NDArray[np.int16]
    heard: NDArray[np.bool_]
    said: NDArray[np.bool_]


class TalkBook(Sequence[Talk]):
    """Talks, one after another.

    Args:
        ids: int16 (m,), of all talks.
        by: uint8 (m,), whose words they are: one of ``TOLD``, ``HEARD``, ``SAID``.
        ends: int64 (n,), where each talk ends.
    """

    def __init__(self, ids: NDArray[np.int16], by: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._ids, self._by, self._ends = ids, by, ends

    @classmethod
    def joined(cls, books: Sequence[TalkBook]) -> TalkBook:
        """The talks of several books."""
        sizes = np.cumsum([0, *(len(book._ids) for book in books)])
        return cls(
            np.concatenate([book._ids for book in books]),
            np.concatenate([book._by for book in books]),
            np.concatenate([book._ends + size for book, size in zip(books, sizes[:-1], strict=True)]),
        )

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each talk, (n,)."""
        return np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, which: int) -> Talk: ...
    @overload
    def __getitem__(self, which: slice) -> TalkBook: ...
    def __getitem__(self, which: int | slice) -> Talk | TalkBook:
        if isinstance(which, slice):
            return self.take(np.arange(len(self))[which])
        start, end = self._bounds(range(len(self))[which])
        by = self._by[start:end]
        return Talk(self._ids[start:end], by == HEARD, by == SAID)

    def take(self, which: NDArray[np.int64]) -> TalkBook:
        """Some of the talks, by number."""
        lengths = self.lengths[which]
        ends = np.cumsum(lengths)
        first = self._ends[which] - lengths
        places = np.arange(int(lengths.sum())) + np.repeat(first - (ends - lengths), lengths)
        return TalkBook(self._ids[places], self._by[places], ends)

    def _bounds(self, number: int) -> tuple[int, int]:
        return int(self._ends[number - 1]) if number else 0, int(self._ends[number])


def in_tokens(lines: Iterable[Line], tokenizer: PreTrainedTokenizerFast, opening: list[str]) -> TalkBook:
    """Lay talks out.

    Args:
        lines: Their pieces.
        tokenizer: Its words.
        opening: Tokens that each begins with.
    """
    start = tokenizer.convert_tokens_to_ids(opening)
    assert isinstance(start, list)
    before = [TOLD] * len(start)
    ids, by = [np.empty(0, np.int16)], [np.empty(0, np.uint8)]
    ends: list[int] = []
    done = 0
    every = iter(lines)
    while some := list(itertools.islice(every, _LINES)):
        words = [words for line in some for words, _ in line]
        pieces = iter(tokenizer(words, add_special_tokens=False)["input_ids"])
        talks: list[int] = []
        speakers: list[int] = []
        for line in some:
            talks += start
            speakers += before
            for _, speaker in line:
                piece = next(pieces)
                talks += piece
                speakers += [speaker] * len(piece)
            ends.append(done + len(talks))
        ids.append(np.array(talks, np.int16))
        by.append(np.array(speakers, np.uint8))
        done += len(talks)
    return TalkBook(np.concatenate(ids), np.concatenate(by), np.array(ends, np.int64))


def batch_of(talks: Sequence[Talk], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, and labels of what is heard and of what is to be said, (B, L) each.

    A label is :data:`IGNORED` where it is not that.
    """
    length = max(len(talk.ids) for talk in talks)
    ids = np.full((len(talks), length), pad, np.int64)
    heard, said = (np.full((len(talks), length), IGNORED, np.int64) for _ in range(2))
    for i, talk in enumerate(talks):
        count = len(talk.ids)
        ids[i, :count] = talk.ids
        heard[i, :count] = np.where(talk.heard, talk.ids, IGNORED)
        said[i, :count] = np.where(talk.said, talk.ids, IGNORED)
    return torch.from_numpy(ids), torch.from_numpy(heard), torch.from_numpy(said)
