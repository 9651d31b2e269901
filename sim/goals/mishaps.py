"""What may go wrong during a goal, once per episode, by the simulator's hand: only who looks recovers.

* ``knock``: an object that the current step handles is knocked elsewhere on the table, maybe out of the hand.
* ``remove``: an object that has been brought where the goal wants it is put back on the table.
* ``close``: the drawer is pushed shut again while it is still needed open.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from sim.goals.judge import find
from sim.goals.model import Act, ImpossibleError
from sim.goals.world import GoalWorld
from sim.layout import CORNERS, held_out_cell
from sim.objects import HALF_M, POOL, ROW
from sim.scene import DRAWER_TRAVEL_M
from sim.tasks.push import LANE_M, lanes
from sim.truth import Truth
from vla.planner.desire import Drawer, In, On, Sorted, Tower
from vla.planner.manner import pushed
from vla.planner.symbols import HELD, LOOSE, TABLE, Symbols

MISHAPS: Final = ("none", "knock", "remove", "close")
_HANDLING = ("reach", "pick_up", "put_in", "push", "stack", "put_in_drawer")
_PLACING = ("put_in", "push", "stack", "put_in_drawer")
_NEEDING_OPEN = ("take_out", "put_in_drawer")
_AWAY_M = 0.10
_SETTLED_S = 0.4
_SHOVING_S = 1.5
_SHOVE_N = 3.0
_CLEAR_M = 0.13
_SHUT_M = 0.012


class Mishap:
    """One mishap, waiting for its moment.

    Attributes:
        happened: It has happened, and what it did was found in the simulator's state afterwards.
        at_s: When it began, None before.
    """

    def __init__(self, world: GoalWorld, kind: str, test_layout: bool = False) -> None:
        """Lie in wait in a world that has been laid.

        Args:
            world: Gives the goal and its seed, which draws the moment.
            kind: One of :data:`MISHAPS`.
            test_layout: Things may come to lie in the cells of the table that training held out.

        Raises:
            ValueError: ``kind`` is unknown.
        """
        if kind not in MISHAPS:
            raise ValueError(f"disturbance {kind!r} is not one of {', '.join(MISHAPS)}")
        self._world, self._kind, self._test_layout = world, kind, test_layout
        self._rng = np.random.default_rng([world.goal.seed, 7, zlib.crc32(kind.encode())])
        self._moment, self._which = map(float, self._rng.random(2))
        self._before = _placed(world)
        self._enough = 1
        self._ready_s: float | None = None
        self._row, self._was_m = -1, np.zeros(3)
        self.happened = False
        self.at_s: float | None = None

    def look(self, now_s: float, steps: Sequence[str], state: Symbols, truth: Truth) -> None:
        """Strike where it is time to.

        Args:
            now_s: Seconds since the episode began.
            steps: What is being done, and what is planned after it; none while nothing is.
            state: What is so now.
            truth: The same in numbers.
        """
        if self._kind == "none" or self.happened:
            return
        if self.at_s is not None:
            self._check(now_s, state, truth)
            return
        if steps and self._ready_s is None:
            self._prepare(now_s, steps, state)
        if self._ready_s is not None and now_s >= self._ready_s and self._strike(steps, state, truth):
            self.at_s = now_s

    def _prepare(self, now_s: float, steps: Sequence[str], state: Symbols) -> None:
        """Draw the moment, from the first plan: a time for a knock, how much is placed for a removal."""
        self._ready_s = now_s
        if self._kind == "knock":
            self._ready_s += self._moment * max(3.0, 8.0 * len(steps) - 4.0)
        placing = [act for step in steps if (act := _act(step, state)) and act.family in _PLACING]
        self._enough = 1 + int(self._which * max(1, len(placing)))

    def _strike(self, steps: Sequence[str], state: Symbols, truth: Truth) -> bool:
        if self._kind == "close":
            return self._shove(steps, state, truth)
        act = _act(steps[0], state) if steps else None
        row = _handled(act, state) if self._kind == "knock" else self._brought(state)
        spot = None if row < 0 else self._spot(row, act, truth)
        if spot is None:
            return False
        self._row, self._was_m = row, truth.position_m[row].copy()
        joint = self._world.data.joint(f"object_{row}")
        joint.qpos[:] = [*spot, HALF_M + 0.002, 1, 0, 0, 0]
        joint.qvel[:] = 0.0
        return True

    def _brought(self, state: Symbols) -> int:
        """An object that was brought where the goal wants it, once enough of them have been; else -1."""
        brought = sorted(_placed(self._world) - self._before)
        free = [row for row in brought if state.on(row) < 0]
        return free[int(self._moment * len(free))] if len(brought) >= self._enough and free else -1

    def _shove(self, steps: Sequence[str], state: Symbols, truth: Truth) -> bool:
        """Begin to push the drawer shut: it takes its contents along."""
        acts = [act for step in steps if (act := _act(step, state)) is not None]
        wanted = Drawer("open") in self._world.goal.desire or any(a.family in _NEEDING_OPEN for a in acts)
        in_the_way = (
            truth.tool_m[2] < _CLEAR_M and truth.tool_m[1] > truth.position_m[ROW["drawer"], 1] - 0.06
        )
        if "drawer" not in state.fixtures or state.drawer != "open" or not wanted or in_the_way:
            return False
        self._world.data.joint("drawer").qfrc_applied[:] = -_SHOVE_N
        return True

    def _check(self, now_s: float, state: Symbols, truth: Truth) -> None:
        """Was it as it was meant to be? Looked at once what was pushed has come to rest."""
        assert self.at_s is not None
        if self._kind == "close":
            shut, over = truth.drawer_open_m < _SHUT_M, now_s - self.at_s > _SHOVING_S
            if shut or over:
                self._world.data.joint("drawer").qfrc_applied[:] = 0.0
                self.happened = shut
                self._kind = self._kind if shut else "none"
        elif now_s - self.at_s >= _SETTLED_S:
            offset_m = truth.position_m[self._row, :2] - self._was_m[:2]
            self.happened = bool(np.linalg.norm(offset_m) > 0.8 * _AWAY_M) and state.where[self._row] in LOOSE
            self._kind = self._kind if self.happened else "none"

    def _spot(self, row: int, act: Act | None, truth: Truth) -> tuple[float, float] | None:
        """A free place on the table, 10 cm away at least, from which the goal can be reached."""
        pushes = act is not None and act.row == row and act.family == "push"
        places = [act.place] if pushes and act is not None else _pushed_to(self._world, row)
        spots = [
            spot
            for spot in _grid(truth)
            if held_out_cell(*spot) == self._test_layout
            and _is_free(spot, row, truth)
            and all(_can_be_pushed(spot, place, row, truth) for place in places)
        ]
        return spots[int(self._rng.integers(len(spots)))] if spots else None


def _act(words: str, state: Symbols) -> Act | None:
    try:
        return find(words, state)
    except ImpossibleError:
        return None


def _handled(act: Act | None, state: Symbols) -> int:
    """The object that an instruction handles, if it is in the hand or free on the table; else -1."""
    if act is None or act.family not in _HANDLING or state.on(act.row) >= 0:
        return -1
    return act.row if state.where[act.row] in LOOSE | {HELD} else -1


def _placed(world: GoalWorld) -> set[int]:
    """Objects that are where the goal wants them, other than anywhere on the table."""
    state = world.symbols()
    found: set[int] = set()
    for atom in world.goal.desire:
        match atom:
            case In(row, place) if place != TABLE and atom.holds(state):
                found.add(row)
            case On(row, _) if atom.holds(state):
                found.add(row)
            case Sorted(rows):
                found |= {row for row in rows if state.where[row] in CORNERS}
            case Tower(rows):
                found |= {row for row in rows if state.where[row] in rows}
            case _:
                pass
    return found


def _pushed_to(world: GoalWorld, row: int) -> list[str]:
    if not pushed(world.goal.text, [world.goal.names[row]]):
        return []
    places = [atom.place for atom in world.goal.desire if isinstance(atom, In) and atom.row == row]
    if any(isinstance(atom, Sorted) and row in atom.rows for atom in world.goal.desire):
        places.append(str(world.symbols().where[row]))
    return [place for place in places if place in CORNERS or place == "zone"]


def _grid(truth: Truth) -> list[tuple[float, float]]:
    """Places that the arm reaches well, in front of the cabinet where one stands."""
    handle = truth.position_m[ROW["drawer"]]
    high_y = 0.25
    if np.isfinite(handle).all():
        closed_y = handle[1] + truth.drawer_open_m
        high_y = min(0.0, float(closed_y - DRAWER_TRAVEL_M - 0.07))
    return [
        (float(x), float(y))
        for x in np.arange(0.40, 0.64, 0.02)
        for y in np.arange(-0.25, high_y + 1e-6, 0.02)
    ]


def _is_free(spot: tuple[float, float], row: int, truth: Truth) -> bool:
    at = truth.position_m[:, :2]
    rooms = {**dict.fromkeys(range(len(POOL)), 0.085), row: _AWAY_M}
    rooms |= {ROW["bowl"]: 0.12, ROW["tray"]: 0.14, ROW["button"]: 0.10, ROW["zone"]: 0.11}
    apart = all(
        not np.isfinite(at[other]).all() or np.linalg.norm(at[other] - spot) > room_m
        for other, room_m in rooms.items()
    )
    corner = min(float(np.abs(np.subtract(spot, corner)).max()) for corner in CORNERS.values())
    return apart and corner > 0.075 and float(np.linalg.norm(truth.tool_m[:2] - spot)) > 0.08


def _can_be_pushed(spot: tuple[float, float], place: str, row: int, truth: Truth) -> bool:
    goal = CORNERS.get(place) or tuple(map(float, truth.position_m[ROW[place], :2]))
    if max(abs(goal[0] - spot[0]), abs(goal[1] - spot[1])) < 0.09:
        return False
    solid = [*range(len(POOL)), *(ROW[name] for name in ("bowl", "tray", "button"))]
    others = truth.position_m[[other for other in solid if other != row], :2]
    others = others[np.isfinite(others).all(axis=1)]
    way = lanes(spot, (goal[0], goal[1]))
    gaps = np.linalg.norm(others[:, None] - way[None], axis=-1)
    return not len(others) or bool(gaps.min() > LANE_M + 0.025)
