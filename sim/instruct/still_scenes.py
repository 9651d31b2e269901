"""Stills (:mod:`sim.stills`) as scenes to talk about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sim.instruct.context import scene_of
from sim.instruct.drawing import claim, save_scene, write_contexts
from sim.objects import COLOUR_NAMES, POOL, ROWS
from sim.truth import Truth
from sim.world import ENTITY_COLUMNS
from vla.dataset.frames import FrameCache
from vla.dataset.schema import DatasetError

_TOOL = slice(7, 10)
_GAP = 10


def scenes_of_stills(stills: Path, root: Path) -> Iterator[tuple[int, int]]:
    """Copy the front pictures of stills and tell each one's context.

    A still in which something has a colour without a name is left out: what cannot be named cannot be
    talked about, and its shape could not even be counted.

    Args:
        stills: A folder that :func:`sim.stills.draw_stills` has filled.
        root: The new folder.

    Yields:
        How many stills have been looked at, and how many there are.

    Raises:
        DatasetError: no still can be used, they lack ``label.scene``, or the new folder holds something else.
    """
    cache = FrameCache.open_stills(stills)
    total = len(cache.tasks)
    if "label.scene" not in cache.columns:
        raise DatasetError(f"{stills} was drawn before stills kept label.scene; draw them anew")
    if claim(root, f"stills {stills.resolve().name} of {total}"):
        yield total, total
        return
    contexts = []
    for k in range(total):
        names = _names(cache, k)
        if names:
            entities = np.asarray(cache.columns["label.entities"][k])
            scene = scene_of(_truth(cache, k), names, entities)
            contexts.append(save_scene(root, k, k, scene, np.asarray(cache.images["front"][k])))
        yield k + 1, total
    if not contexts:
        raise DatasetError(f"{stills}: in every still something has a colour that no word names")
    write_contexts(root, contexts)


def _entities(cache: FrameCache, k: int) -> np.ndarray:
    return np.asarray(cache.columns["label.entities"][k], np.float64).reshape(ROWS, len(ENTITY_COLUMNS))


def _names(cache: FrameCache, k: int) -> dict[int, str]:
    """Row to name; none at all where one of the things has no name."""
    table = _entities(cache, k)[: len(POOL)]
    rows = [row for row in range(len(POOL)) if table[row, 0] > 0]
    if any(table[row, 1] < 0 for row in rows):
        return {}
    return {row: f"{COLOUR_NAMES[int(table[row, 1])]} {POOL[row]}" for row in rows}


def _truth(cache: FrameCache, k: int) -> Truth:
    """The state that the labels tell; in a still everything is at rest."""
    table, (held, open_m, pressed) = _entities(cache, k), cache.columns["label.scene"][k]
    state = np.asarray(cache.state[k], np.float64)
    return Truth(
        tool_m=state[_TOOL],
        gap_m=float(state[_GAP]),
        position_m=np.where(table[:, :1] > 0, table[:, 2:5], np.nan),
        speed_m_s=np.zeros(ROWS),
        held=int(held),
        drawer_open_m=float(open_m),
        button_pressed=bool(pressed),
    )
