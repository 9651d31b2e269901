"""What can lie on the table: colours, shapes, and the fixed table of entities every scene has.

Every scene is compiled once with the same bodies; a reset only decides which are present, where, and in what
colour. Recompiling per episode would cost a new GL context each time, more than the episode's physics.
"""

from __future__ import annotations

from typing import Final

import numpy as np

COLOURS: Final[dict[str, tuple[float, float, float]]] = {
    "red": (0.85, 0.10, 0.10),
    "green": (0.10, 0.62, 0.18),
    "blue": (0.10, 0.22, 0.85),
    "yellow": (0.95, 0.82, 0.08),
    "orange": (0.97, 0.45, 0.04),
    "purple": (0.50, 0.12, 0.68),
    "cyan": (0.08, 0.75, 0.82),
    "white": (0.96, 0.96, 0.96),
}
COLOUR_NAMES: Final = tuple(COLOURS)
UNNAMED: Final = -1
"""Colour index of a thing whose colour no word of ours names."""
UNNAMED_DISTANCE: Final = 0.25
"""How far such a colour stays from every named one, as the crow flies in RGB."""
SHAPES: Final = ("block", "cylinder", "ball", "star")
KINDS: Final = (
    "none", *SHAPES, "bowl", "tray", "zone", "drawer", "button", "drawer_inside",
)  # fmt: skip
KIND_INDEX: Final = {kind: i for i, kind in enumerate(KINDS)}

HALF_M: Final = 0.02
"""Half the height of every object, and half the width of a block."""

POOL: Final = ("block",) * 4 + ("cylinder",) * 2 + ("ball",) * 2 + ("star",) * 2
"""Shape of each movable body; its index is its entity row."""

FIXTURES: Final = ("bowl", "tray", "zone", "drawer", "button", "drawer_inside")
ROW: Final = {name: len(POOL) + i for i, name in enumerate(FIXTURES)}
ROWS: Final = len(POOL) + len(FIXTURES)
ROW_KIND: Final = (*POOL, *FIXTURES)

HELD_OUT_PAIRS: Final = frozenset(
    {
        ("purple", "block"),
        ("red", "ball"),
        ("green", "star"),
        ("blue", "cylinder"),
        ("orange", "star"),
        ("cyan", "cylinder"),
    }
)
"""Colour-shape pairs that no training scene ever contains."""


def unnamed_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """A colour, RGB in 0..1, that no word of ours names.

    Things in such colours teach what a shape looks like in any colour: where every star is one of six
    colours, a seventh makes it something else to the eyes of a network.
    """
    named = np.array(list(COLOURS.values()))
    while True:
        rgb = rng.uniform(0.03, 0.97, 3)
        if np.linalg.norm(named - rgb, axis=1).min() >= UNNAMED_DISTANCE:
            return float(rgb[0]), float(rgb[1]), float(rgb[2])
