"""Tables on which part of a plan has been carried out already, at once and without motion.

Whoever shall plan on from any state must see such states: the tray half filled, the drawer open, the next
thing in the hand, something that had been placed and is lying about again.
"""

from __future__ import annotations

import numpy as np

from sim.goals.laying import SLOTS_M, GoalTable, content_height_m
from sim.goals.model import Act
from sim.layout import CORNERS, OPEN_DRAWER_M
from sim.objects import HALF_M
from sim.scene import DRAWER_DEPTH_M

_JITTER_M = {"bowl": 0.008, "tray": 0.007, "drawer": 0.008, "zone": 0.02}
_CORNER_JITTER_M = 0.02
_APART_M = 0.042
_ROOM_M = 0.075
_FIXTURE_ROOM_M = 0.13
_TRIES = 200


class CrowdedError(Exception):
    """There is no place for what an instruction would move."""


def carry_out(table: GoalTable, act: Act) -> None:
    """Change the table as an instruction would, roughly where the arm would leave things.

    Reaching, grasping and pressing leave no trace on the table itself.

    Raises:
        CrowdedError: no free place was found.
    """
    match act.family:
        case "open_drawer":
            slide(table, float(table.rng.uniform(*OPEN_DRAWER_M)))
        case "close_drawer":
            slide(table, 0.0)
        case "put_in" | "put_in_drawer" | "push":
            _move(table, act.row, *_inside(table, act.row, act.place))
        case "stack":
            x, y, z = table.things[act.base].position_m
            dx, dy = table.rng.uniform(-0.005, 0.005, 2)
            _move(table, act.row, x + dx, y + dy, z + 2 * HALF_M)
        case "unstack" | "take_out":
            lay_aside(table, act.row)


def slide(table: GoalTable, open_m: float) -> None:
    """Move the drawer, and with it whatever lies in it."""
    y_inside = table.drawer_front_m[1] + DRAWER_DEPTH_M / 2
    x_inside = table.fixtures["drawer"][0]
    shift = table.drawer_open_m - open_m
    for row, thing in table.things.items():
        x, y, z = thing.position_m
        if abs(x - x_inside) < 0.12 and abs(y - y_inside) < DRAWER_DEPTH_M / 2 and z > HALF_M + 0.005:
            _move(table, row, x, y + shift, z)
    table.drawer_open_m = open_m


def lay_aside(table: GoalTable, row: int) -> None:
    """Put an object on a free place of the table.

    Raises:
        CrowdedError: there is none.
    """
    y_high = 0.0 if "drawer" in table.fixtures else 0.25
    others = np.array([t.position_m[:2] for i, t in table.things.items() if i != row] or [(9.0, 9.0)])
    fixed = np.array([*table.fixtures.values()] or [(9.0, 9.0)])
    corners = np.array(list(CORNERS.values()))
    for _ in range(_TRIES):
        spot = np.array([table.rng.uniform(0.37, 0.65), table.rng.uniform(-0.27, y_high)])
        far = [np.linalg.norm(group - spot, axis=1).min() for group in (others, fixed, corners)]
        if far[0] > _ROOM_M and far[1] > _FIXTURE_ROOM_M and far[2] > 0.07:
            return _move(table, row, float(spot[0]), float(spot[1]), HALF_M)
    raise CrowdedError


def _inside(table: GoalTable, row: int, place: str) -> tuple[float, float, float]:
    """A place inside a fixture or corner that leaves the other things there alone."""
    if place in CORNERS:
        x, y = np.add(CORNERS[place], table.rng.uniform(-_CORNER_JITTER_M, _CORNER_JITTER_M, 2))
        return float(x), float(y), HALF_M
    middle = table.fixtures[place]
    if place == "drawer":
        x, y = table.drawer_front_m
        middle = (x, y + DRAWER_DEPTH_M / 2)
    height = content_height_m(place)
    others = [t.position_m[:2] for i, t in table.things.items() if i != row]
    slots = SLOTS_M.get(place, ((0.0, 0.0),))
    for _ in range(_TRIES):
        slot = slots[int(table.rng.integers(len(slots)))]
        at = np.add(middle, slot) + table.rng.uniform(-_JITTER_M[place], _JITTER_M[place], 2)
        if all(np.hypot(*np.subtract(at, other)) > _APART_M for other in others):
            return float(at[0]), float(at[1]), height
    raise CrowdedError


def _move(table: GoalTable, row: int, x: float, y: float, z: float) -> None:
    table.things[row].position_m = (float(x), float(y), float(z))
