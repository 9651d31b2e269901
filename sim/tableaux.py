"""Tables after the fact: some instructions have been carried out already, at once and without motion.

A laid table shows what is still to be done: nothing lies in the bowl, nothing is held. Whoever shall learn
what "done" looks like needs the other half, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sim.holding import close_around
from sim.layout import CORNERS, OPEN_DRAWER_M, Table
from sim.objects import COLOUR_NAMES, HALF_M, POOL, ROW, UNNAMED
from sim.randomise import Randomise
from sim.robot import GAP_OPEN_M
from sim.scene import DRAWER_DEPTH_M
from sim.tasks import TASKS
from sim.tasks.reach import HOVER_M
from sim.tasks.task import Task
from sim.truth import Query
from sim.wording import texts
from sim.world import ALTERNATIVES, WORDINGS, Scenario, World

TOOL_LOW_M, TOOL_HIGH_M = (0.36, -0.28, 0.07), (0.66, 0.28, 0.34)
OPEN_SHARE = 0.6
"""Share of poses in which the empty gripper is wide open."""

_MOST_DONE = 4
_CHANCE_PRIMARY = 0.4
_REST_M = {"bowl": 0.007 + HALF_M, "tray": 0.0045 + HALF_M, "zone": HALF_M, "drawer": 0.0155 + HALF_M}
_ROOM = {"bowl": 1, "tray": 2, "zone": 1, "drawer": 2}
_CLEAR_M = 0.055


def random_pose(rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """A tool position, (3,), and a finger gap, as stills show them."""
    gap_m = GAP_OPEN_M if rng.random() < OPEN_SHARE else float(rng.uniform(0, GAP_OPEN_M))
    return rng.uniform(TOOL_LOW_M, TOOL_HIGH_M), gap_m


@dataclass(slots=True)
class Effects:
    """Carries out queries on a laid table, as far as they do not disturb each other.

    Attributes:
        table: The table, changed in place.
        done: What has been carried out; every one of them still holds.
        held: Row of the thing to be held, or -1.
        hovered: Row of the thing to be pointed at, or -1.
        untouched: Rows of things that have to stay where they are.
    """

    table: Table
    done: list[Query] = field(default_factory=list)
    held: int = -1
    hovered: int = -1
    untouched: set[int] = field(default_factory=set)
    _moved: set[int] = field(default_factory=set)
    _filled: dict[str, int] = field(default_factory=dict)

    def carry_out(self, query: Query) -> bool:
        """Change the table so that ``query`` is fulfilled; False, and nothing changed, where it cannot."""
        act = {
            "put_in": self._put,
            "put_in_drawer": self._put,
            "push": self._put,
            "stack": self._stack,
            "take_out": self._aside,
            "unstack": self._aside,
            "open_drawer": self._drawer,
            "close_drawer": self._drawer,
            "pick_up": self._arm,
            "reach": self._arm,
        }.get(query.family)
        done = act is not None and act(query)
        if done:
            self.done.append(query)
        return done

    def _free(self, row: int) -> bool:
        return row not in self._moved | self.untouched and row != self.hovered and not self._covered(row)

    def _covered(self, row: int) -> bool:
        x, y, z = self.table.things[row].position_m
        return any(
            t.position_m[2] > z + HALF_M and np.hypot(t.position_m[0] - x, t.position_m[1] - y) < HALF_M
            for i, t in self.table.things.items()
            if i != row
        )

    def _move(self, row: int, at_m: tuple[float, float, float]) -> bool:
        self.table.things[row].position_m = at_m
        self._moved.add(row)
        return True

    def _put(self, query: Query) -> bool:
        place, table = query.place, self.table
        count = self._filled.get(place, 0)
        if not self._free(query.target) or count >= _ROOM.get(place, 1):
            return False
        side = -1.0 if count else 1.0
        x, y = self._centre(place)
        jitter = table.rng.uniform(-0.008, 0.008, 2)
        if place == "tray":
            jitter += [0.0, 0.04 * side]
        elif place == "drawer":
            if table.drawer_open_m < 0.1:
                return False
            jitter = jitter * [1, 0.4] + [0.035 * side, 0.0]
        if place in (*CORNERS, "zone") and not self._clear(x, y, query.target):
            return False
        self._filled[place] = count + 1
        return self._move(query.target, (x + jitter[0], y + jitter[1], _REST_M.get(place, HALF_M)))

    def _centre(self, place: str) -> tuple[float, float]:
        if place == "drawer":
            x, y = self.table.drawer_front_m
            return x, y + DRAWER_DEPTH_M / 2
        return CORNERS[place] if place in CORNERS else self.table.fixtures[place]

    def _clear(self, x_m: float, y_m: float, but: int) -> bool:
        at = [t.position_m for i, t in self.table.things.items() if i != but]
        at += [(x, y, 0.0) for name, (x, y) in self.table.fixtures.items() if name != "zone"]
        reach = [_CLEAR_M] * (len(at) - len(self.table.fixtures)) + [0.14] * len(self.table.fixtures)
        return all(np.hypot(x_m - a, y_m - b) > r for (a, b, _), r in zip(at, reach, strict=False))

    def _stack(self, query: Query) -> bool:
        base = query.destination
        x, y, z = self.table.things[base].position_m
        flat = z <= HALF_M + 1e-3 and base not in self._moved
        if not flat or self._covered(base) or not self._free(query.target) or base in self.untouched:
            return False
        self.untouched.add(base)
        jitter = self.table.rng.uniform(-0.004, 0.004, 2)
        return self._move(query.target, (x + jitter[0], y + jitter[1], 3 * HALF_M))

    def _aside(self, query: Query) -> bool:
        if query.point_m is None or not self._free(query.target):
            return False
        return self._clear(*query.point_m[:2], query.target) and self._move(query.target, query.point_m)

    def _drawer(self, query: Query) -> bool:
        table = self.table
        if "drawer" in self._filled or "drawer" in [q.place for q in self.done]:
            return False
        opens = query.family == "open_drawer"
        if not opens and any(t.position_m[1] > table.drawer_front_m[1] for t in table.things.values()):
            return False
        table.drawer_open_m = float(table.rng.uniform(*OPEN_DRAWER_M)) if opens else 0.0
        return True

    def _arm(self, query: Query) -> bool:
        row = query.target
        if self.held >= 0 or self.hovered >= 0 or row in self.untouched or self._covered(row):
            return False
        if query.family == "pick_up":
            if row in self._moved:
                return False
            self.held = row
            self._moved.add(row)
        else:
            self.hovered = row
        return True


class TableauWorld(World):
    """A world whose resets show tables on which up to four instructions have been carried out already."""

    def reset(
        self, task: str, seed: int, switches: Randomise | None = None, alternative: int = 0
    ) -> Scenario:
        """As :meth:`sim.world.World.reset`; the queries hold what was asked first, then what was done."""
        scenario = super().reset(task, seed, switches, alternative)
        first = replace(scenario.queries[0], **self._plain(scenario.queries[0]))
        done = [replace(query, **self._plain(query)) for query in self.effects.done]
        rest = [replace(query, **self._plain(query)) for query in scenario.queries[1:]]
        queries: dict[tuple[str, int, str, int], Query] = {}
        for query in (first, *done, *rest):
            key = (query.family, query.target, query.place, query.destination)
            queries.setdefault(key, query)
        kept = tuple(queries.values())[: 1 + ALTERNATIVES]
        words = np.random.default_rng([seed, 6])
        wordings = tuple(tuple(texts(q, scenario.switches.paraphrase, words, WORDINGS)) for q in kept)
        self._scenario = replace(scenario, queries=kept, texts=wordings, instruction=wordings[0][0])
        return self._scenario

    def pose(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
        """Put the arm where the tableau wants it, holding what it should hold; returns tool (3,) and gap."""
        effects = self.effects
        tool_m, gap_m = random_pose(rng)
        if effects.hovered >= 0:
            at = self.truth().position_m[effects.hovered]
            tool_m = at + HOVER_M + rng.uniform(-0.01, 0.01, 3)
        elif effects.held >= 0:
            tool_m[2] = rng.uniform(0.15, TOOL_HIGH_M[2])
            return tool_m, close_around(self, effects.held, tool_m)
        self.pose_arm(tool_m, gap_m)
        return tool_m, gap_m

    def _draw(  # pyright: ignore[reportIncompatibleMethodOverride] (it keeps what was done)
        self, task: Task, seed: int, switches: Randomise
    ) -> tuple[Table, Query]:
        table, query = World._draw(task, seed, switches)
        rng = np.random.default_rng([seed, 5])
        queries = [other for kind in TASKS.values() for other in kind.alternatives(table)]
        by_family: dict[str, list[Query]] = {}
        for i in rng.permutation(len(queries)):
            by_family.setdefault(queries[i].family, []).append(queries[i])
        families = list(by_family)
        order = [by_family[families[i]] for i in rng.permutation(len(families))]
        effects = Effects(table)
        if rng.random() < _CHANCE_PRIMARY:
            effects.carry_out(query)
        else:
            # What is asked first stays undone: its things are not touched.
            effects.untouched.update(row for row in (query.target, query.destination) if 0 <= row < len(POOL))
        wanted = int(rng.integers(_MOST_DONE + 1))
        for candidate in (q for group in order for q in group[:2]):
            if len(effects.done) >= wanted:
                break
            effects.carry_out(candidate)
        self.effects, self._table = effects, table
        return table, query

    def _plain(self, query: Query) -> dict[str, object]:
        """By colour and shape alone: once things have moved, "left of the bowl" may be another one."""
        if query.target in (ROW["drawer"], ROW["button"]):
            return {}
        colour = self._table.things[query.target].colour
        name = None if colour == UNNAMED else COLOUR_NAMES[colour]
        return {"colour": name, "noun": POOL[query.target], "relation": None}
