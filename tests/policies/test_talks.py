"""Talks in long arrays are the talks that went in."""

from __future__ import annotations

import numpy as np
import pytest

from policies import talks as module
from policies.talks import HEARD, SAID, TOLD, Line, TalkBook, batch_of, in_tokens
from vla.models.words import PAD, START, train_tokenizer

LINES: list[Line] = [
    [("red block", TOLD), ("where is it", HEARD), ("here", SAID)],
    [("what is it", HEARD), ("a block", SAID), ("is it red", HEARD), ("yes", SAID)],
    [],
    [("here", SAID)],
    [("where", HEARD), ("red", SAID)],
]


@pytest.fixture(scope="module")
def words():
    return train_tokenizer([text for line in LINES for text, _ in line], [], 400)


@pytest.fixture
def book(words, monkeypatch: pytest.MonkeyPatch) -> TalkBook:
    monkeypatch.setattr(module, "_LINES", 2)
    return in_tokens(iter(LINES), words, [START])


def test_every_talk_is_its_line(book: TalkBook, words) -> None:
    assert len(book) == len(LINES)
    for talk, line, length in zip(book, LINES, book.lengths, strict=True):
        pieces = [words(text, add_special_tokens=False)["input_ids"] for text, _ in line]
        assert talk.ids.tolist() == words.convert_tokens_to_ids([START]) + [
            i for piece in pieces for i in piece
        ]
        by = [TOLD] + [who for (_, who), piece in zip(line, pieces, strict=True) for _ in piece]
        assert talk.heard.tolist() == [who == HEARD for who in by]
        assert talk.said.tolist() == [who == SAID for who in by]
        assert len(talk.ids) == length


def test_parts_and_sums_of_books(book: TalkBook) -> None:
    def ids(talks: TalkBook) -> list[list[int]]:
        return [talk.ids.tolist() for talk in talks]

    every = ids(book)
    assert ids(book[1:4]) == every[1:4]
    assert ids(book[:0]) == []
    assert ids(book.take(np.array([4, 0, 0]))) == [every[4], every[0], every[0]]
    assert ids(TalkBook.joined([book[3:], book[:2]])) == every[3:] + every[:2]
    assert book[-1].ids.tolist() == every[-1]
    with pytest.raises(IndexError):
        book[5]


def test_a_batch_is_padded_and_labels_what_counts(book: TalkBook, words) -> None:
    pad = words.convert_tokens_to_ids(PAD)
    ids, heard, said = batch_of([book[0], book[3]], pad)
    assert ids.shape == heard.shape == said.shape == (2, int(book.lengths[0]))
    assert (ids[1, int(book.lengths[3]) :] == pad).all()
    assert (heard[1] == -100).all()
    assert said[1][said[1] != -100].tolist() == book[3].ids[1:].tolist()
