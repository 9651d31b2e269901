"""Stills as captioned pictures: joins the simulator's words with the training's numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.clip_data import CaptionedPictures, Subgoal
from sim.captions import caption, negatives, vocabulary
from sim.facts import Facts, facts_of
from sim.statements import KINDS, STATEMENTS, table_of
from vla.config import ConfigError
from vla.dataset.frames import FrameCache

_CAMERA = "front"
_ENTITIES, _SCENE, _DONE = "label.entities", "label.scene", "label.done"


def facts_of_stills(stills: FrameCache) -> list[Facts]:
    """What is true of each still."""
    entities = stills.columns[_ENTITIES]
    scenes = stills.columns.get(_SCENE)
    return [facts_of(entities[k], None if scenes is None else scenes[k]) for k in range(len(stills.tasks))]


def subgoals_of(stills: FrameCache) -> list[tuple[Subgoal, ...]]:
    """Each still's instructions with the simulator's verdict; none of old stills, where nothing is done."""
    if _SCENE not in stills.columns:
        return [()] * len(stills.tasks)
    done = np.asarray(stills.columns[_DONE])
    return [
        tuple(
            Subgoal(tuple(q["texts"]), bool(done[k, j] == 1))
            for j, q in enumerate(queries)
            if done[k, j] >= 0
        )
        for k, queries in enumerate(stills.queries)
    ]


def captioned(folders: Sequence[str]) -> CaptionedPictures:
    """Everything in these folders of stills, for training.

    Raises:
        ConfigError: no folder is given, or their pictures differ in size.
        DatasetError: a folder holds no stills.
    """
    if not folders:
        raise ConfigError(
            "stills=... names no folder; draw some with: handily collect stills=6000 tableaux=true"
        )
    caches = [FrameCache.open_stills(folder) for folder in folders]
    pictures = [cache.images[_CAMERA] for cache in caches]
    if len({block.shape[1:] for block in pictures}) > 1:
        raise ConfigError(f"stills={','.join(folders)}: their pictures differ in size")
    tables = [table_of(facts_of_stills(cache)) for cache in caches]
    opposite = {number: [n for _, n in negatives(s)] for number, s in enumerate(STATEMENTS)}
    return CaptionedPictures(
        pictures=pictures,
        true=np.concatenate([true for true, _ in tables]),
        possible=np.concatenate([possible for _, possible in tables]),
        kinds=np.array([KINDS.index(statement.kind) for statement in STATEMENTS]),
        word=lambda number, rng: caption(STATEMENTS[number], "train", rng),
        negatives=opposite.__getitem__,
        subgoals=[goals for cache in caches for goals in subgoals_of(cache)],
    )


def corpus(data: CaptionedPictures) -> list[str]:
    """Texts that hold every word, to train a tokenizer on."""
    return vocabulary() + [f"not done: {goal.texts[0]}" for goals in data.subgoals for goal in goals]
