"""What a run fixes before its first step: the split, the words, the scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policies.batches import ENTITIES, BatchSource, foreseeable, split_episodes
from policies.borrowing import tokenizer_of
from policies.checkpoint import Checkpoint, CheckpointError, list_checkpoints, read_checkpoint
from policies.config import TrainConfig
from policies.normalisation import Normalisation, relative_axes
from policies.phrasing import POLITE_FIRST, POLITE_LAST
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.text import InstructionTokenizer
from vla.models.vla import VLAConfig

EXPERT = "expert."
"""What the names of an action expert's weights begin with."""


@dataclass(frozen=True)
class Preparation:
    """Everything a run needs beside the network.

    Attributes:
        tokenizer: Trained on the data, or inherited with the weights.
        normalisation: Measured on the data, or inherited with the weights.
        action_range: Low and high (T, A) of most normalised actions in the data; None where the expert's
            weights are inherited, since they hold it.
        source: Training samples.
        stills: Samples without motion, or None where there are none.
        held_out: Validation samples, or None where no episode is held out.
        begin: Checkpoint whose weights the run starts from, or None for fresh ones; with ``init_part`` of
            ``trunk`` it holds none of an action expert.
        resumed: Whether ``begin`` is this run's own, so that optimiser and step go on too.
    """

    tokenizer: InstructionTokenizer
    normalisation: Normalisation
    action_range: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    source: BatchSource
    stills: BatchSource | None
    held_out: BatchSource | None
    begin: Checkpoint | None
    resumed: bool


def prepare(
    config: TrainConfig,
    cache: FrameCache,
    spec: RobotSpec,
    families: Sequence[str],
    stills: FrameCache | None = None,
) -> Preparation:
    """Split the data, and fit or inherit the tokenizer and the scales.

    Args:
        config: The run.
        cache: Demonstrations.
        spec: The robot that gave them.
        families: Names of the task families, in label order.
        stills: Scenes without motion, or None.

    Raises:
        CheckpointError: the checkpoint to start from is damaged, or belongs to another robot or network.
        ValueError: the data hold no frame to train on.
    """
    begin, resumed = _begin(config, spec)
    train, held_out = split_episodes(cache, config.held_out)
    tokenizer = _words(config, begin, [cache, stills] if stills else [cache])
    normalisation = begin.normalisation if begin else _measure(config, cache, spec, train)
    fresh = not begin or not any(name.startswith(EXPERT) for name in begin.weights)
    shared: dict[str, Any] = {
        "chunk": config.model.expert.chunk,
        "families": families,
        "balance": config.balance,
    }
    few, many = config.alternatives, config.stills_alternatives
    return Preparation(
        tokenizer=tokenizer,
        normalisation=normalisation,
        action_range=normalisation.action_range(*_motions(config, cache, train)) if fresh else None,
        source=BatchSource(cache, train, spec, tokenizer, augment=config.augment, alternatives=few, **shared),
        stills=stills
        and BatchSource(
            stills,
            np.arange(len(stills.tasks)),
            spec,
            tokenizer,
            augment=config.augment,
            alternatives=many,
            **shared,
        ),
        held_out=BatchSource(cache, held_out, spec, tokenizer, augment=None, alternatives=few, **shared)
        if len(held_out)
        else None,
        begin=begin,
        resumed=resumed,
    )


def _begin(config: TrainConfig, spec: RobotSpec) -> tuple[Checkpoint | None, bool]:
    own = list_checkpoints(Path(config.output))
    if own and not config.resume:
        raise CheckpointError(
            f"{config.output} holds checkpoints already; choose another output or resume=true"
        )
    path = str(own[-1]) if own else config.init_from
    if not path:
        return None, False
    begin = read_checkpoint(path)
    differences = spec.differences(begin.spec)
    if differences:
        raise CheckpointError(f"{path} belongs to another robot: {'; '.join(differences)}")
    part = "all" if own else config.init_part
    if not _fits(begin.config.model, config.model, part):
        raise CheckpointError(
            f"{path} holds another network: {begin.config.model}, configured {config.model}"
        )
    if own and begin.config.policy != config.policy:
        raise CheckpointError(f"{path} was trained as {begin.config.policy!r}, configured {config.policy!r}")
    if part == "trunk":
        trunk = {name: tensor for name, tensor in begin.weights.items() if not name.startswith(EXPERT)}
        begin = replace(begin, weights=trunk)
    return begin, bool(own)


def _fits(begin: VLAConfig, wanted: VLAConfig, part: str) -> bool:
    """Whether weights of one network go into another; the scales of actions have a chunk's shape."""
    one, other = begin.expert, wanted.expert
    if part == "trunk" and (one.chunk, one.action) == (other.chunk, other.action):
        begin = replace(begin, expert=other)
    return begin == wanted


def _words(
    config: TrainConfig, begin: Checkpoint | None, caches: Sequence[FrameCache]
) -> InstructionTokenizer:
    if begin:
        return begin.tokenizer
    return tokenizer_of(config.reader_from) if config.reader_from else _learn_words(config, caches)


def _learn_words(config: TrainConfig, caches: Sequence[FrameCache]) -> InstructionTokenizer:
    texts = {*POLITE_FIRST, *POLITE_LAST}
    for cache in caches:
        texts |= set(cache.tasks)
        texts |= {text for queries in cache.queries for query in queries for text in query["texts"]}
    return InstructionTokenizer.train(texts, config.model.text.vocabulary, config.model.text.max_tokens)


def _motions(
    config: TrainConfig, cache: FrameCache, episodes: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Absolute chunks (n, T, A), which of their rows (n, T) are real, and the states (n, S) at row 0."""
    frames = _frames(cache, episodes)
    chunk = config.model.expert.chunk
    last = cache.bounds[cache.episode_of(frames) + 1] - 1
    return (
        np.asarray(cache.chunk("action", frames, chunk), np.float32),
        foreseeable(cache, frames, last, chunk),
        np.asarray(cache.state[frames], np.float32),
    )


def _frames(cache: FrameCache, episodes: NDArray[Any]) -> NDArray[Any]:
    frames = np.concatenate([np.arange(int(cache.bounds[e]), int(cache.bounds[e + 1])) for e in episodes])
    # Twenty thousand chunks fix a mean and a deviation to a percent.
    return frames[:: max(1, len(frames) // 20_000)]


def _measure(
    config: TrainConfig, cache: FrameCache, spec: RobotSpec, episodes: NDArray[Any]
) -> Normalisation:
    places = np.full((1, 3), np.nan, np.float32)
    if ENTITIES in cache.columns:
        rows = np.asarray(cache.columns[ENTITIES][_frames(cache, episodes)], np.float32)
        rows = rows.reshape(-1, 5 + 2 * len(spec.cameras))
        places = rows[rows[:, 0] > 0][:, 2:5]
    return Normalisation.fit(relative_axes(spec), *_motions(config, cache, episodes), places)
