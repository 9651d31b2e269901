"""Lessons as a network reads them: tokens of talks, pictures with their labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from policies.eyes import Labels, labels_of
from policies.talks import HEARD, SAID, TOLD, Line, TalkBook, in_tokens
from vla.dataset.lessons import LessonText, read_blocks
from vla.dataset.schema import DatasetError
from vla.dataset.sentences import Sentence, read_sentences
from vla.models.words import (
    PAD,
    PICTURE,
    START,
    goal_words,
    question_words,
    reply_words,
    seen_words,
    train_tokenizer,
)
from vla.planner.meaning_text import meaning_vocabulary
from vla.planner.seen import COLUMNS, CONTAINERS, parse_seen

_SEEN_WORDS = ("nothing", "twice", "over", "pressed", "on", *(w for c in CONTAINERS for w in c.split()))


def read_texts(folders: Sequence[str]) -> list[list[LessonText]]:
    """The lessons' words, folder by folder.

    Raises:
        DatasetError: a folder holds no lessons.
    """
    return [[text for block in read_blocks(Path(f), False) for text in block.texts] for f in folders]


def read_sayings(folders: Sequence[str]) -> list[list[Sentence]]:
    """Sentences with their meanings, folder by folder.

    Raises:
        DatasetError: a folder holds none.
    """
    return [read_sentences(Path(folder)) for folder in folders]


def tokenizer_of(
    texts: Iterable[LessonText], sentences: Iterable[Sentence], size: int
) -> PreTrainedTokenizerFast:
    """A tokenizer for all that is said, with a token for each word of a meaning and of what is seen."""
    talks = (" ".join(part for part, _ in _parts(text, text.turns, True)) for text in texts)
    said = (" ".join(part for part, _ in _meaning(sentence)) for sentence in sentences)
    words = (*meaning_vocabulary(), *_SEEN_WORDS, *map(str, range(COLUMNS)))
    return train_tokenizer(itertools.chain(talks, said), words, size)


def _parts(text: LessonText, turns: Sequence[tuple[str, str]], told: bool) -> Iterator[tuple[str, int]]:
    """The pieces of a talk, each with whose words it is."""
    yield seen_words(text.seen), TOLD if told else SAID
    for turn in turns:
        yield from _turn(*turn)


def _turn(question: str, answer: str) -> Iterator[tuple[str, int]]:
    yield question_words(question), HEARD
    yield reply_words(answer), SAID


def _meaning(sentence: Sentence) -> Iterator[tuple[str, int]]:
    yield goal_words(sentence.said), HEARD
    yield reply_words(sentence.meant), SAID


def talks_of(
    texts: Sequence[LessonText],
    tokenizer: PreTrainedTokenizerFast,
    rng: np.random.Generator,
    share: float = 1.0,
    pictures: int = 0,
) -> TalkBook:
    """Lay lessons out as talks.

    Args:
        texts: The lessons.
        tokenizer: Its words.
        rng: Draws the order of what is talked about, and which questions are kept.
        share: Share of the questions to keep.
        pictures: Places kept for a picture's tokens; with any, the model should also say what is seen.
    """

    def lines() -> Iterator[Line]:
        for text in texts:
            turns = [text.turns[k] for k in rng.permutation(len(text.turns)) if rng.random() < share]
            if turns or pictures:
                yield list(_parts(text, turns, not pictures))

    return in_tokens(lines(), tokenizer, [START] + [PICTURE] * pictures)


def chats_of(
    chats: Sequence[Sequence[tuple[str, str]]],
    seen: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    pictures: int,
) -> TalkBook:
    """Lay conversations about pictures out as talks; what is seen is told, not learned.

    Args:
        chats: Questions and answers, in order.
        seen: What is seen in each one's picture, in the words of :mod:`vla.planner.seen`.
        tokenizer: Its words.
        pictures: Places kept for a picture's tokens.
    """
    lines = (
        [(seen_words(sight), TOLD), *(part for turn in chat for part in _turn(*turn))]
        for chat, sight in zip(chats, seen, strict=True)
    )
    return in_tokens(lines, tokenizer, [START] + [PICTURE] * pictures)


def meanings_of(sentences: Sequence[Sentence], tokenizer: PreTrainedTokenizerFast) -> TalkBook:
    """Lay sentences out as talks in which the model says what they mean."""
    return in_tokens((list(_meaning(sentence)) for sentence in sentences), tokenizer, [START])


def pad_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id that stands for nothing."""
    found = tokenizer.convert_tokens_to_ids(PAD)
    assert isinstance(found, int)
    return found


@dataclass(frozen=True)
class Pictures:
    """Pictures with what is to be seen in them.

    Attributes:
        images: uint8 (n, cameras, H, W, 3).
        labels: What is where.
    """

    images: NDArray[np.uint8]
    labels: Labels


def read_pictures(folders: Sequence[str], size: int) -> Pictures:
    """The lessons' pictures, folder after folder.

    Args:
        folders: Lessons with pictures.
        size: How high and wide they must be, in pixels.

    Raises:
        DatasetError: a folder holds no lessons, or pictures of another size.
    """
    texts = [text for book in read_texts(folders) for text in book]
    images, points, done = np.empty((0, 0, size, size, 3), np.uint8), [], 0
    for folder in folders:
        for block in read_blocks(Path(folder)):
            assert block.images is not None
            assert block.points is not None
            if block.images.shape[2:4] != (size, size):
                found = "x".join(map(str, block.images.shape[2:4]))
                raise DatasetError(f"{folder} holds pictures of {found} pixels, not {size}x{size}")
            if not done:  # all at once, since memory has no room for them twice
                images = np.empty((len(texts), *block.images.shape[1:]), np.uint8)
            images[done : done + len(block.images)] = block.images
            points.append(block.points)
            done += len(block.images)
    labels = labels_of([parse_seen(text.seen) for text in texts], np.concatenate(points))
    return Pictures(images, labels)
