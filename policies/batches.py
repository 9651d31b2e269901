"""Training batches out of a memory-mapped cache.

A batch is a pure function of the seed and the step: no cursor, no hidden random state, so that a run goes on
after a kill exactly where it was, and a prefetching thread changes nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.augmentation import AugmentConfig, cut_out, draw_light, shift
from policies.phrasing import disturb
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.text import InstructionTokenizer

ENTITIES, DONE, DISTURBANCE = "label.entities", "label.done", "label.disturbance"


@dataclass(frozen=True)
class Batch:
    """B samples, M instructions each (instruction 0 is the demonstrated one), C cameras.

    Attributes:
        images: uint8 (B, C, H, W, 3).
        light: Light of each picture, (B, C, 7), see ``augmentation.draw_light``.
        state: (B, S) in the robot's units.
        actions: Absolute chunks (B, T, A) in the robot's units.
        valid: (B, T) bool, see :func:`foreseeable`.
        tokens: (B, M, L) int64.
        mask: (B, M, L) bool, True on tokens.
        places: Target and destination (B, M, 2, 3) in m, NaN where there is none.
        uv: Where they are seen, (B, M, 2, C, 2) in 0..1 of the picture; NaN or outside where they are not.
        family: (B, M) int64.
        done: (B, M) 0 or 1, NaN where unknown.
        things: (B, E, 2 + 2 C): kind (0 where there is none), colour (-1 without one), then where it
            is seen in each picture, as in ``uv``.
    """

    images: Tensor
    light: Tensor
    state: Tensor
    actions: Tensor
    valid: Tensor
    tokens: Tensor
    mask: Tensor
    places: Tensor
    uv: Tensor
    family: Tensor
    done: Tensor
    things: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        return Batch(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})


def split_episodes(cache: FrameCache, held_out: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Episodes to train on and episodes to validate on, drawn from the split called "train".

    The same for every seed: a run that goes on from another's weights must not validate on what taught them.
    """
    episodes = np.flatnonzero([split == "train" for split in cache.splits])
    order = np.random.default_rng([0, 1]).permutation(episodes)
    count = min(max(1, round(held_out * len(order))), len(order) - 1) if held_out else 0
    return np.sort(order[count:]), np.sort(order[:count])


def foreseeable(cache: FrameCache, frames: NDArray[Any], last: NDArray[Any], chunk: int) -> NDArray[np.bool_]:
    """Which rows of the chunks that start at ``frames`` are worth learning, shape (B, T).

    Not those past the episode's ``last`` frame, nor those after something disturbed the arm on its way: they
    answer to what nobody could foresee when the chunk began.
    """
    rows = frames[:, None] + np.arange(chunk)
    valid = rows <= last[:, None]
    if DISTURBANCE in cache.columns:
        bumped = np.asarray(cache.columns[DISTURBANCE])[np.minimum(rows[:, :-1], last[:, None])].any(-1)
        valid[:, 1:] &= ~np.logical_or.accumulate(bumped, axis=1)
    return valid


class Drawing(Protocol):
    """Whatever draws batches."""

    def batch(self, seed: Sequence[int], size: int) -> Batch:
        """The batch that belongs to ``seed``."""
        ...


class BatchSource:
    """Draws batches from some of a cache's episodes.

    Attributes:
        cache: Pictures, numbers and labels.
        cameras: Their names, in the order of the labels.
        pictures: Numbers of the kept pictures that may be drawn.
        owner: Episode of every kept picture.
        share: Of the draws, summed up to and with each of them.
        queries: Of each episode of the cache.
    """

    def __init__(
        self,
        cache: FrameCache,
        episodes: NDArray[Any],
        spec: RobotSpec,
        tokenizer: InstructionTokenizer,
        *,
        chunk: int,
        families: Sequence[str],
        augment: AugmentConfig | None,
        alternatives: int = 2,
        balance: bool = True,
    ) -> None:
        """Prepare to draw.

        Args:
            cache: Pictures, numbers and labels.
            episodes: Numbers of the episodes to draw from.
            spec: The robot; ``label.entities`` lists pictures in the order of its cameras.
            tokenizer: Encodes instructions.
            chunk: Rows T of an action chunk.
            families: Names whose index is the family label; any other name gets ``len(families)``.
            augment: None for samples as recorded, with the first phrasing of each instruction.
            alternatives: Instructions per sample beside the demonstrated one.
            balance: Whether a family's share grows with the square root of its frames, or with its frames.

        Raises:
            ValueError: there is no frame to draw, or a camera is missing.
        """
        missing = set(spec.cameras) - set(cache.images)
        if missing:
            raise ValueError(f"cameras {sorted(missing)} are not in the cache; it has {sorted(cache.images)}")
        self.cache, self._spec, self.tokenizer = cache, spec, tokenizer
        self.chunk, self.augment, self.alternatives = chunk, augment, alternatives
        self.cameras = list(spec.cameras)
        self._families = {name: i for i, name in enumerate(families)}
        self.queries = [
            cache.queries[e] or [{"texts": [cache.tasks[e]], "family": ""}] for e in range(len(cache.tasks))
        ]
        owner = cache.episode_of(cache.frame_index_of)
        self.pictures = np.flatnonzero(np.isin(owner, episodes))
        if not len(self.pictures):
            raise ValueError(f"{len(episodes)} episodes hold no frame to draw from")
        self.owner = owner
        weight = np.ones(len(self.pictures))
        if balance:
            names = np.array([self.queries[e][0].get("family", "") for e in owner[self.pictures]])
            _, which, count = np.unique(names, return_inverse=True, return_counts=True)
            weight = 1.0 / np.sqrt(count[which])
        self.share = np.cumsum(weight) / weight.sum()

    def batch(self, seed: Sequence[int], size: int) -> Batch:
        """The batch that belongs to ``seed``; samples are spread evenly over the data."""
        rng = np.random.default_rng(seed)
        spots = (np.arange(size) + rng.random(size)) / size
        drawn = np.minimum(np.searchsorted(self.share, spots, side="right"), len(self.pictures) - 1)
        return self._gather(self.pictures[drawn], rng)

    def _gather(self, pictures: NDArray[Any], rng: np.random.Generator) -> Batch:
        cache = self.cache
        frames = cache.frame_index_of[pictures]
        owner = self.owner[pictures]
        images, moved = self._look(pictures, rng)
        last = cache.bounds[owner + 1] - 1
        light = np.tile(np.array([1, 1, 1, 0, 0, 0, 0], np.float32), (images.shape[0] * images.shape[1], 1))
        if self.augment:
            light = draw_light(rng, len(light), self.augment)
        asked, texts = self._ask(owner, rng)
        ids, mask = self.tokenizer(texts)
        entities = self.entities(frames)
        places, uv, family, done = self._label(frames, owner, asked, entities)
        uv += moved[:, None, None]
        seen = entities[:, :, 5:] + moved.reshape(len(moved), 1, -1)
        shape = (len(pictures), asked.shape[1], -1)
        arrays = {
            "images": images,
            "light": light.reshape(*images.shape[:2], 7),
            "state": np.array(cache.state[frames], np.float32),
            "actions": np.array(cache.chunk("action", frames, self.chunk), np.float32),
            "valid": foreseeable(cache, frames, last, self.chunk),
            "tokens": ids.reshape(shape),
            "mask": mask.reshape(shape),
            "places": places,
            "uv": uv,
            "family": family,
            "done": done,
            "things": np.concatenate([entities[:, :, :2], seen], -1),
        }
        return Batch(**{name: torch.from_numpy(array) for name, array in arrays.items()})

    def _look(
        self, pictures: NDArray[Any], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Pictures (B, C, H, W, 3) and how far each was moved, (B, C, 2) in 0..1 of its size."""
        size = self._spec.cameras[self.cameras[0]]
        out = np.empty((len(pictures), len(self.cameras), *size, 3), np.uint8)
        moved = np.zeros((*out.shape[:2], 2), np.float32)
        config = self.augment
        offsets = np.zeros((*out.shape[:2], 2), int)
        hide = np.zeros(out.shape[:2], bool)
        if config:
            offsets = rng.integers(-config.shift_px, config.shift_px + 1, offsets.shape)
            hide = rng.random(hide.shape) < config.cutout
        for c, name in enumerate(self.cameras):
            source = self.cache.images[name]
            for i in np.argsort(pictures, kind="stable"):
                dx, dy = offsets[i, c]
                shift(source[pictures[i]], int(dx), int(dy), out[i, c])
                if config and hide[i, c]:
                    cut_out(out[i, c], rng, config.cutout_px)
        moved[:] = offsets / np.array([size[1], size[0]], np.float32)
        return out, moved

    def _ask(self, owner: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], list[str]]:
        """Which queries to ask, (B, M) with the demonstrated one first, and their words, B*M of them."""
        asked = np.zeros((len(owner), 1 + self.alternatives), int)
        texts: list[str] = []
        for i, episode in enumerate(owner):
            queries = self.queries[episode]
            others = len(queries) - 1
            if others > 0 and self.alternatives:
                # With fewer alternatives than asked for, some come twice, in other words.
                asked[i, 1:] = (
                    1 + rng.permuted(np.arange(max(self.alternatives, others)) % others)[: self.alternatives]
                )
            for q in asked[i]:
                phrasings = queries[q]["texts"]
                text = phrasings[0]
                if self.augment:
                    text = disturb(phrasings[rng.integers(len(phrasings))], rng, self.augment.words)
                texts.append(text)
        return asked, texts

    def entities(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Labels (B, E, 5 + 2 C): kind, colour, position, u and v in each picture; E is 0 without labels."""
        columns, width = self.cache.columns, 5 + 2 * len(self.cameras)
        if ENTITIES not in columns:
            return np.zeros((len(frames), 0, width), np.float32)
        return np.asarray(columns[ENTITIES][frames], np.float32).reshape(len(frames), -1, width)

    def family_of(self, query: Mapping[str, Any]) -> int:
        """The label of a query's family."""
        return self._families.get(query.get("family", ""), len(self._families))

    def _label(
        self, frames: NDArray[Any], owner: NDArray[Any], asked: NDArray[Any], entities: NDArray[np.float32]
    ) -> tuple[Any, ...]:
        cameras, (samples, count) = len(self.cameras), asked.shape
        places = np.full((samples, count, 2, 3), np.nan, np.float32)
        uv = np.full((samples, count, 2, cameras, 2), np.nan, np.float32)
        family = np.zeros((samples, count), np.int64)
        done = np.full((samples, count), np.nan, np.float32)
        columns = self.cache.columns
        if DONE in columns:
            known = np.asarray(columns[DONE][frames], np.float32)
            done = np.take_along_axis(known, np.minimum(asked, known.shape[1] - 1), 1)
            done[asked >= known.shape[1]] = np.nan
        for i, j in np.ndindex(samples, count):
            query = self.queries[owner[i]][asked[i, j]]
            family[i, j] = self.family_of(query)
            for p, role in enumerate(("target", "destination")):
                row = query.get(role, -1)
                if 0 <= row < entities.shape[1] and entities[i, row, 0] > 0:
                    places[i, j, p] = entities[i, row, 2:5]
                    uv[i, j, p] = entities[i, row, 5:].reshape(cameras, 2)
            point = query.get("point")
            if point is not None and query.get("destination", -1) < 0:
                places[i, j, 1] = point
        return places, uv, family, done


def stream(
    source: Drawing, seed: Sequence[int], first: int, last: int, size: int, ahead: int
) -> Iterator[Batch]:
    """Batches of steps ``first`` to ``last - 1``, at most ``ahead`` of them prepared by a thread.

    Raises:
        Exception: whatever drawing a batch raised, in the caller's thread.
    """
    if ahead < 1:
        for step in range(first, last):
            yield source.batch([*seed, step], size)
        return
    ready: queue.Queue[Batch | BaseException] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: Batch | BaseException) -> None:
        while not stop.is_set():
            try:
                return ready.put(item, timeout=0.2)
            except queue.Full:
                continue

    def work() -> None:
        for step in range(first, last):
            if stop.is_set():
                return
            try:
                put(source.batch([*seed, step], size))
            except BaseException as error:
                return put(error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        for _ in range(first, last):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
