"""Lessons as a network reads them: tokens of talks, pictures as the frozen image tower has seen them."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from policies.augmentation import AugmentConfig, Light
from policies.eyes import Labels, augmented, labels_of
from vla.dataset.lessons import LessonText, read_blocks
from vla.dataset.sentences import Sentence, read_sentences
from vla.models.scene import SceneEyes
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

IGNORED = -100
_TOLD, _HEARD, _SAID = range(3)
_SEEN_WORDS = ("nothing", "twice", "over", "pressed", "on", *(w for c in CONTAINERS for w in c.split()))


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
    yield seen_words(text.seen), _TOLD if told else _SAID
    for question, answer in turns:
        yield question_words(question), _HEARD
        yield reply_words(answer), _SAID


def _meaning(sentence: Sentence) -> Iterator[tuple[str, int]]:
    yield goal_words(sentence.said), _HEARD
    yield reply_words(sentence.meant), _SAID


def talks_of(
    texts: Sequence[LessonText],
    tokenizer: PreTrainedTokenizerFast,
    rng: np.random.Generator,
    share: float = 1.0,
    pictures: int = 0,
) -> list[Talk]:
    """Lay lessons out as talks.

    Args:
        texts: The lessons.
        tokenizer: Its words.
        rng: Draws the order of what is talked about, and which questions are kept.
        share: Share of the questions to keep.
        pictures: Places kept for a picture's tokens; with any, the model should also say what is seen.
    """
    lines = []
    for text in texts:
        turns = [text.turns[k] for k in rng.permutation(len(text.turns)) if rng.random() < share]
        if turns or pictures:
            lines.append(list(_parts(text, turns, not pictures)))
    return _in_tokens(lines, tokenizer, [START] + [PICTURE] * pictures)


def meanings_of(sentences: Sequence[Sentence], tokenizer: PreTrainedTokenizerFast) -> list[Talk]:
    """Lay sentences out as talks in which the model says what they mean."""
    return _in_tokens([list(_meaning(sentence)) for sentence in sentences], tokenizer, [START])


def _in_tokens(
    lines: Sequence[Sequence[tuple[str, int]]], tokenizer: PreTrainedTokenizerFast, opening: list[str]
) -> list[Talk]:
    start = tokenizer.convert_tokens_to_ids(opening)
    assert isinstance(start, list)
    pieces = [words for line in lines for words, _ in line]
    ids = iter(tokenizer(pieces, add_special_tokens=False)["input_ids"] if pieces else [])
    found = []
    for parts in lines:
        line, by = list(start), [_TOLD] * len(start)
        for _, speaker in parts:
            piece = next(ids)
            line += piece
            by += [speaker] * len(piece)
        found.append(Talk(np.array(line, np.int16), np.equal(by, _HEARD), np.equal(by, _SAID)))
    return found


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


def pad_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id that stands for nothing."""
    found = tokenizer.convert_tokens_to_ids(PAD)
    assert isinstance(found, int)
    return found


@dataclass(frozen=True)
class SeenPictures:
    """Pictures as a frozen image tower sees them; bfloat16, kept as int16.

    Attributes:
        tokens: (n, cameras, N, D).
        fine: (n, G, G, D).
        labels: What is where.
    """

    tokens: NDArray[np.int16]
    fine: NDArray[np.int16]
    labels: Labels

    def look(self, picked: NDArray[np.int64] | slice) -> tuple[Tensor, Tensor]:
        """What :meth:`vla.models.scene.SceneEyes.read` wants, of some pictures."""
        tokens, fine = (torch.from_numpy(x[picked]).view(torch.bfloat16) for x in (self.tokens, self.fine))
        return tokens, fine


@torch.inference_mode()
def see_pictures(
    folders: Sequence[str],
    eyes: SceneEyes,
    cache: Path,
    held_back: int,
    augment: AugmentConfig,
    progress: Callable[[int], None],
) -> SeenPictures:
    """Let the frozen image tower look at every picture once; what it has seen stays on disk.

    Args:
        folders: Lessons with pictures.
        eyes: Whose image tower looks.
        cache: A folder of this run.
        held_back: Pictures at the beginning of each folder that are not varied.
        augment: How the others are varied.
        progress: Told how many have been seen.
    """
    cache.mkdir(parents=True, exist_ok=True)
    size = eyes.config.vision.image_size
    light = Light((size, size))
    tokens, fine, points, scenes, done = [], [], [], [], 0
    for k, folder in enumerate(folders):
        first = 0
        for number, block in enumerate(read_blocks(Path(folder))):
            assert block.images is not None
            assert block.points is not None
            path = cache / f"{k:02d}-{number:06d}-{_digest(block.images, block.texts)}.npz"
            if not path.exists():
                rng = np.random.default_rng([k, number])
                plain = first < held_back
                _see(block.images, block.points, plain, eyes, light, rng, augment, path)
            with np.load(path, allow_pickle=False) as arrays:
                tokens.append(arrays["tokens"])
                fine.append(arrays["fine"])
                points.append(arrays["points"])
            scenes += [parse_seen(text.seen) for text in block.texts]
            first += len(block.texts)
            done += len(block.texts)
            progress(done)
    labels = labels_of(scenes, np.concatenate(points))
    return SeenPictures(np.concatenate(tokens), np.concatenate(fine), labels)


def _digest(images: NDArray[np.uint8], texts: Sequence[LessonText]) -> str:
    """Tells one block from another that has taken its place since."""
    return f"{zlib.crc32(repr(texts).encode(), zlib.crc32(images.tobytes())):08x}"


def _see(
    images: NDArray[np.uint8],
    points: NDArray[np.float16],
    plain: bool,
    eyes: SceneEyes,
    light: Light,
    rng: np.random.Generator,
    augment: AugmentConfig,
    path: Path,
) -> None:
    where = points.astype(np.float32)
    with torch.autocast("cpu", torch.bfloat16):
        if plain:
            tokens, maps = eyes.vision(torch.from_numpy(images))
        else:
            images, where, lamp = augmented(images, where, rng, augment)
            torch.manual_seed(int(rng.integers(2**31)))  # the light draws its noise there
            seen = light(torch.from_numpy(images), torch.from_numpy(lamp), torch.float32)
            tokens, maps = eyes.vision(seen)
    draft = path.with_name(f".{path.name}")
    np.savez(draft, tokens=_bits(tokens), fine=_bits(maps[:, 0]), points=where)
    draft.rename(path)


def _bits(x: Tensor) -> NDArray[np.int16]:
    return x.bfloat16().view(torch.int16).numpy()
