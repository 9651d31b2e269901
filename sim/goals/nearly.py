"""What is nearly done: a thing beside the bowl, the drawer half open, a hand around something."""

from __future__ import annotations

import numpy as np

from sim.goals.laying import GoalTable
from sim.goals.model import Act
from sim.goals.progress import CrowdedError, slide
from sim.layout import CORNERS
from sim.objects import HALF_M, ROW
from sim.scene import BOWL_RADIUS_M, CABINET_HALF_M, MAT_HIGH_M, MAT_LOW_M, TRAY_HALF_M
from sim.tasks.push import TOLERANCE_M
from sim.tasks.reach import HOVER_M
from sim.truth import Truth

_AJAR_M = (0.035, 0.095)
_LEANING_SHARE = 0.5
_LEANING_HEIGHT_M = 0.05
_APART_M = 0.045
_TRIES = 100


def nearly(table: GoalTable, act: Act) -> bool:
    """Change the table so that an instruction is nearly done, but not quite.

    Args:
        table: As it is when the instruction is due.
        act: The instruction.

    Returns:
        False, with the table as it was, where there is no such thing: what is on a stack or in the drawer is
        not nearly off or out. True for ``reach``, ``pick_up`` and ``press_button``, though it is the arm
        that nearly does these.

    Raises:
        CrowdedError: no free place was found.
    """
    match act.family:
        case "open_drawer" | "close_drawer":
            slide(table, float(table.rng.uniform(*_AJAR_M)))
        case "put_in" if act.place in ("bowl", "tray"):
            _beside_container(table, act.row, act.place)
        case "put_in_drawer":
            _beside_drawer(table, act.row)
        case "put_in" | "push":
            _beside_mark(table, act.row, act.place)
        case "stack":
            _beside_base(table, act.row, act.base)
        case "unstack" | "take_out":
            return False
    return True


def nearly_pose(truth: Truth, act: Act, rng: np.random.Generator) -> tuple[np.ndarray, float] | None:
    """Where the arm is that has nearly done an instruction.

    Args:
        truth: Of the world.
        act: The instruction.
        rng: Draws how near.

    Returns:
        The tool's position in m, (3,), and the fingers' opening in m; None where it is not the arm that
        nearly does it.
    """
    match act.family:
        case "reach":
            turn = rng.uniform(0, 2 * np.pi)
            aside_m = rng.uniform(0.05, 0.08) * np.array([np.cos(turn), np.sin(turn), 0])
            return truth.position_m[act.row] + HOVER_M + aside_m, float(rng.uniform(0, 0.06))
        case "pick_up":
            return truth.position_m[act.row] + [0, 0, 0.003], 0.06
        case "press_button":
            return truth.position_m[ROW["button"]] + [0, 0, rng.uniform(0.02, 0.05)], 0.0
        case _:
            return None


def _beside_container(table: GoalTable, row: int, place: str) -> None:
    """Close to the rim outside, or on the rim, from where it may fall either way."""
    half = np.array([BOWL_RADIUS_M, BOWL_RADIUS_M] if place == "bowl" else TRAY_HALF_M)
    for _ in range(_TRIES):
        leaning = table.chance(_LEANING_SHARE)
        turn = table.rng.uniform(0, 2 * np.pi)
        way = np.array([np.cos(turn), np.sin(turn)])
        rim = half if place == "bowl" else half / np.abs(way).max()
        reach = rim + (table.rng.uniform(-0.008, 0.008) if leaning else table.rng.uniform(0.026, 0.04))
        if _put(table, row, table.fixtures[place] + reach * way, _LEANING_HEIGHT_M if leaning else HALF_M):
            return
    raise CrowdedError


def _beside_drawer(table: GoalTable, row: int) -> None:
    """On the table beside the open drawer."""
    x, front = table.drawer_front_m
    for _ in range(_TRIES):
        side = 1 if table.chance(0.5) else -1
        spot = np.array([x + side * (CABINET_HALF_M[0] + 0.035), front + table.rng.uniform(-0.02, 0.06)])
        if _put(table, row, spot, HALF_M):
            return
    raise CrowdedError


def _beside_mark(table: GoalTable, row: int, place: str) -> None:
    """Just outside what counts as in the corner or zone."""
    middle = np.array(CORNERS[place] if place in CORNERS else table.fixtures["zone"])
    for _ in range(_TRIES):
        away = TOLERANCE_M + table.rng.uniform(0.012, 0.04)
        spot = middle + table.rng.uniform(-away, away, 2)
        axis = int(table.rng.integers(2))
        spot[axis] = middle[axis] + (away if table.chance(0.5) else -away)
        if _put(table, row, spot, HALF_M):
            return
    raise CrowdedError


def _beside_base(table: GoalTable, row: int, base: int) -> None:
    """On the table, at the foot of what it should stand on."""
    middle = np.array(table.things[base].position_m[:2])
    for _ in range(_TRIES):
        turn = table.rng.uniform(0, 2 * np.pi)
        spot = middle + table.rng.uniform(0.055, 0.065) * np.array([np.cos(turn), np.sin(turn)])
        if _put(table, row, spot, HALF_M):
            return
    raise CrowdedError


def _put(table: GoalTable, row: int, spot: np.ndarray, z_m: float) -> bool:
    """Put a thing there unless another thing is there, or it is off the mat."""
    others = [thing.position_m[:2] for i, thing in table.things.items() if i != row]
    low, high = np.array(MAT_LOW_M) + HALF_M, np.array(MAT_HIGH_M) - HALF_M
    free = all(np.hypot(*np.subtract(spot, other)) > _APART_M for other in others)
    if not free or (spot < low).any() or (spot > high).any():
        return False
    table.things[row].position_m = (float(spot[0]), float(spot[1]), z_m)
    return True
