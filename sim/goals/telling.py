"""The table in a planner's words: what can be seen of it, and where in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.objects import ROW
from sim.truth import Truth
from vla.planner.grammar import FIXTURES, NAMES
from vla.planner.seen import Seen, SeenThing, cell_of
from vla.planner.symbols import GONE, HELD, TABLE, Symbols


def seen_of(state: Symbols, truth: Truth) -> Seen:
    """What an attentive eye sees: everything but what a closed drawer hides or has fallen off the table."""
    fixtures = {
        name: None if name == "drawer" else cell_of(*truth.position_m[ROW[name], :2])
        for name in FIXTURES
        if name in state.fixtures
    }
    drawer = state.drawer if "drawer" in state.fixtures else ""
    visible = [row for row in state.names if not hidden(row, state)]
    things = []
    for name in NAMES:
        rows = [row for row in visible if state.names[row] == name]
        if len(rows) > 1:
            things.append(SeenThing(name, "", None, True))
        elif rows:
            things.append(_thing(rows[0], state, truth))
    over = state.names[state.over] if state.over in visible else ""
    return Seen(fixtures, drawer, state.pressed and "button" in state.fixtures, tuple(things), over)


def hidden(row: int, state: Symbols) -> bool:
    """True where a thing cannot be seen from outside."""
    place = state.ground(row)
    return place == GONE or (place == "drawer" and state.drawer == "closed")


def _thing(row: int, state: Symbols, truth: Truth) -> SeenThing:
    at = state.where[row]
    if isinstance(at, int):
        return SeenThing(state.names[row], state.names[at])
    if at == TABLE:
        x, y = truth.position_m[row, :2]
        return SeenThing(state.names[row], "table", cell_of(float(x), float(y)))
    return SeenThing(state.names[row], "hand" if at == HELD else at)


def points_of(state: Symbols, picture_uv: NDArray[np.float32]) -> NDArray[np.float16]:
    """Where each name's thing and each fixture is in the picture.

    Args:
        state: The table.
        picture_uv: Per entity row, u and v in 0..1 of the front camera's picture, (ROWS, 2).

    Returns:
        (len(NAMES) + len(FIXTURES), 2), NaN for what is absent, hidden or there twice.
    """
    points = np.full((len(NAMES) + len(FIXTURES), 2), np.nan, np.float16)
    visible = [row for row in state.names if not hidden(row, state)]
    for i, name in enumerate(NAMES):
        rows = [row for row in visible if state.names[row] == name]
        if len(rows) == 1:
            points[i] = picture_uv[rows[0]]
    for i, name in enumerate(FIXTURES):
        if name in state.fixtures:
            points[len(NAMES) + i] = picture_uv[ROW[name]]
    return points
