"""Pictures with everything that is true of them, and the batches of captions drawn from that.

What can be said is a numbered list of statements; its owner gives the words. So this room knows neither
colours nor bowls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.augmentation import AugmentConfig, draw_light, shift
from vla.planner.looking import DONE, NOT_DONE


@dataclass(frozen=True)
class Subgoal:
    """An instruction about a picture, in several wordings, and whether it has been carried out there."""

    texts: tuple[str, ...]
    done: bool


@dataclass(frozen=True)
class CaptionedPictures:
    """N pictures and V statements.

    Attributes:
        pictures: uint8 RGB (n, H, W, 3) each, one after another N in all; may be memory-mapped.
        true: Packed bits (N, V / 8): plainly true of the picture.
        possible: Packed bits (N, V / 8): true or unclear, so no negative.
        kinds: Kind of each statement, int (V,); each kind gets its share of captions.
        word: A wording of a statement for training.
        negatives: Statements that differ from one in one attribute.
        subgoals: Per picture, instructions and whether they are done; empty where nothing is known.
    """

    pictures: Sequence[NDArray[np.uint8]]
    true: NDArray[np.uint8]
    possible: NDArray[np.uint8]
    kinds: NDArray[np.integer]
    word: Callable[[int, np.random.Generator], str]
    negatives: Callable[[int], Sequence[int]]
    subgoals: Sequence[Sequence[Subgoal]]

    def __post_init__(self) -> None:
        count = sum(map(len, self.pictures))
        if not len(self.true) == len(self.possible) == len(self.subgoals) == count:
            raise ValueError(
                f"{count} pictures, but facts of {len(self.true)} and subgoals of {len(self.subgoals)}"
            )

    def __len__(self) -> int:
        return len(self.true)

    @property
    def image_size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.pictures[0].shape[1])

    def picture(self, index: int) -> NDArray[np.uint8]:
        """One picture, (H, W, 3)."""
        for block in self.pictures:
            if index < len(block):
                return block[index]
            index -= len(block)
        raise IndexError(index)

    def bits(self, table: NDArray[np.uint8], rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Unpack rows of :attr:`true` or :attr:`possible`: bool (n, V)."""
        return np.unpackbits(table[rows], axis=1, count=len(self.kinds)).astype(np.bool_)


@dataclass(frozen=True)
class CaptionBatch:
    """B pictures with P captions each, K negatives per caption, and one subgoal for some.

    Attributes:
        images: uint8 (B, H, W, 3).
        light: float32 (B, 7), see :func:`policies.augmentation.draw_light`.
        captions: B * P texts, picture by picture.
        also_true: bool (P, B, B): caption p of picture j may be true of picture i.
        negatives: B * P * K texts.
        real: bool (B, P, K), False where a caption has fewer negatives.
        asked: Pictures with a subgoal, int (S,).
        prompts: 2 * S texts: for each of them that it is done, then that it is not.
        done: bool (S,).
    """

    images: NDArray[np.uint8]
    light: NDArray[np.float32]
    captions: list[str]
    also_true: NDArray[np.bool_]
    negatives: list[str]
    real: NDArray[np.bool_]
    asked: NDArray[np.int64]
    prompts: list[str]
    done: NDArray[np.bool_]


def draw_batch(
    source: CaptionedPictures,
    rng: np.random.Generator,
    size: int,
    captions: int,
    negatives: int,
    augment: AugmentConfig,
) -> CaptionBatch:
    """Draw one batch; everything follows from ``rng``.

    Args:
        source: Pictures and facts.
        rng: The batch's own stream.
        size: B.
        captions: P.
        negatives: K.
        augment: How pictures are varied; a shift is applied here, light later.
    """
    rows = rng.choice(len(source), size, replace=len(source) < size)
    true, possible = source.bits(source.true, rows), source.bits(source.possible, rows)
    said = np.stack([_choose(one, source.kinds, captions, rng) for one in true])
    texts, false, real = [], [], np.zeros((size, captions, negatives), np.bool_)
    for i, p in np.ndindex(said.shape):
        texts.append(source.word(int(said[i, p]), rng))
        wrong = [n for n in source.negatives(int(said[i, p])) if not possible[i, n]]
        chosen = [wrong[k] for k in rng.permutation(len(wrong))[:negatives]]
        real[i, p, : len(chosen)] = True
        false += [source.word(n, rng) for n in chosen] + [""] * (negatives - len(chosen))
    asked, prompts, done = _ask(source, rows, rng)
    images = np.empty((size, *source.picture(0).shape), np.uint8)
    for i, row in enumerate(rows):
        dx, dy = rng.integers(-augment.shift_px, augment.shift_px + 1, 2)
        shift(source.picture(int(row)), int(dx), int(dy), images[i])
    return CaptionBatch(
        images=images,
        light=draw_light(rng, size, augment),
        captions=texts,
        also_true=np.stack([possible[:, column] for column in said.T]),
        negatives=false,
        real=real,
        asked=asked,
        prompts=prompts,
        done=done,
    )


def _choose(
    true: NDArray[np.bool_], kinds: NDArray[np.integer], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """``count`` true statements, (count,): first a kind, then one of it.

    A kind's chance grows with the square root of how much of it can be said.
    """
    options = np.flatnonzero(true)
    of = kinds[options]
    found, often = np.unique(of, return_counts=True)
    weights = np.sqrt(often)
    drawn = rng.choice(found, count, replace=len(found) < count, p=weights / weights.sum())
    return np.array([rng.choice(options[of == kind]) for kind in drawn], np.int64)


def _ask(
    source: CaptionedPictures, rows: NDArray[np.integer], rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[str], NDArray[np.bool_]]:
    """One subgoal per picture that has any; done and not done are equally likely where it has both."""
    asked, prompts, done = [], [], []
    for i, row in enumerate(rows):
        options = source.subgoals[int(row)]
        wanted = bool(rng.random() < 0.5)
        fitting = [goal for goal in options if goal.done == wanted] or options
        if not fitting:
            continue
        goal = fitting[int(rng.integers(len(fitting)))]
        text = goal.texts[int(rng.integers(len(goal.texts)))]
        asked.append(i)
        prompts += [DONE.format(text), NOT_DONE.format(text)]
        done.append(goal.done)
    return np.array(asked, np.int64), prompts, np.array(done, np.bool_)
