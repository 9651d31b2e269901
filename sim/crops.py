"""One thing of every still, cut out of the front picture: the simplest question to eyes is what it is.

A crop shows a thing that the simulator knows, with whatever is beside it or in front of it. Movable things
are named by colour and shape, fixtures by their kind alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.objects import COLOUR_NAMES, FIXTURES, HELD_OUT_PAIRS, KIND_INDEX, POOL, ROW_KIND, ROWS, SHAPES
from sim.world import ENTITY_COLUMNS
from vla.dataset.frames import FrameCache

_NAMED_FIXTURES = FIXTURES[: FIXTURES.index("drawer_inside")]
_PAIRS = [(colour, shape) for colour in COLOUR_NAMES for shape in SHAPES]
CLASSES: Final = (
    *(f"{colour} {shape}" for colour, shape in _PAIRS if (colour, shape) not in HELD_OUT_PAIRS),
    *_NAMED_FIXTURES,
)
"""What a crop may show: every colour and shape that training scenes have, then the fixtures."""

_CLASS_INDEX = {name: i for i, name in enumerate(CLASSES)}
_MARGIN = 0.03
_DRAW = 5


def cut_crops(cache: FrameCache, side: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Cut one named thing out of each still, drawn evenly among those in the picture.

    Still k always gives the same crop. Stills in which nothing has a name are left out.

    Args:
        cache: Stills, see :mod:`sim.stills`.
        side: Height and width of a crop in pixels; even. Beyond the picture its edge is repeated.

    Returns:
        Pictures (n, side, side, 3), the thing in the middle, and their classes (n,), indices of
        :data:`CLASSES`.
    """
    table = np.asarray(cache.columns["label.entities"]).reshape(-1, ROWS, len(ENTITY_COLUMNS))
    pictures, classes = [], []
    for k, entities in enumerate(table):
        rows = [row for row in range(ROWS) if named(row, entities) is not None]
        if not rows:
            continue
        row = int(np.random.default_rng([k, _DRAW]).choice(rows))
        pictures.append(_cut(cache.images["front"][k], entities[row, 5:7], side))
        classes.append(named(row, entities))
    return np.stack(pictures), np.array(classes, np.int64)


def named(row: int, entities: NDArray[np.float32]) -> int | None:
    """The class of an entity, or None where it is absent, outside the front picture, or has no name.

    Args:
        row: Its row.
        entities: All rows of one still, (ROWS, 9), see :data:`sim.world.ENTITY_COLUMNS`.
    """
    kind, colour, *_ = entities[row]
    uv = entities[row, 5:7]
    if kind == KIND_INDEX["none"] or not ((uv >= _MARGIN) & (uv <= 1 - _MARGIN)).all():
        return None
    shape = ROW_KIND[row]
    if row >= len(POOL):
        return _CLASS_INDEX.get(shape)
    return _CLASS_INDEX.get(f"{COLOUR_NAMES[int(colour)]} {shape}") if colour >= 0 else None


def _cut(picture: NDArray[np.uint8], uv: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """A square around ``uv``, fractions of the picture's width and height."""
    half, size = side // 2, np.array(picture.shape[1::-1])
    x, y = (uv * size).astype(int)
    columns = np.clip(np.arange(x - half, x + half), 0, size[0] - 1)
    rows = np.clip(np.arange(y - half, y + half), 0, size[1] - 1)
    return picture[rows[:, None], columns]
