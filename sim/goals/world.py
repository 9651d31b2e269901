"""The simulated world with a goal's table in it, and the experts carrying out a plan there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.goals.goal import Goal, Template, draw
from sim.goals.judge import find
from sim.goals.model import Act
from sim.goals.oracle import StuckError, oracle
from sim.goals.symbols import symbols_of
from sim.layout import CORNERS, Table
from sim.objects import HALF_M, POOL, ROW
from sim.randomise import Randomise
from sim.scene import MAT_HIGH_M, MAT_LOW_M
from sim.tasks import task_named
from sim.truth import Query, Truth
from sim.waypoints import toward
from sim.world import World
from vla.contract import Observation, Plan
from vla.planner.grammar import STEPS, Instructions, plan_of
from vla.planner.progress import carried_out
from vla.planner.symbols import TABLE, Symbols

_PATIENCE_STEPS = 60
_SETTLING_STEPS = 8
_ROOM_M = 0.075
_PUTS_DOWN = ("put_in", "put_in_drawer", "stack", "unstack", "take_out")


class GoalWorld(World):
    """A world whose scenes suit a goal. The arguments are those of :class:`sim.world.World`."""

    _goal: Goal | None = None

    @property
    def goal(self) -> Goal:
        """The goal that the scene was laid for.

        Raises:
            RuntimeError: ``lay`` has not been called.
        """
        if self._goal is None:
            raise RuntimeError("GoalWorld.lay(template, seed) comes before anything else")
        return self._goal

    def lay(self, template: Template, seed: int, switches: Randomise | None = None) -> Goal:
        """Lay a scene for a goal; the same seed and switches give the same scene and words."""
        switches = switches or Randomise()
        goal, table = draw(template, seed, switches)
        self.lay_goal(goal, table, switches)
        return goal

    def lay_goal(
        self, goal: Goal, table: Table, switches: Randomise | None = None, pressed: bool = False
    ) -> None:
        """Lay a table that has been drawn already; looks and the arm's start follow the goal's seed.

        Args:
            goal: What the table is for.
            table: As it should stand, perhaps with part of the goal done.
            switches: What may vary.
            pressed: The button has been pressed already.
        """
        self._goal = goal
        self._lay(table, np.random.default_rng([goal.seed, 1]), switches or Randomise())
        if pressed:
            self.mark_pressed()

    def symbols(self) -> Symbols:
        """What is so now, in words."""
        return symbols_of(self.truth(), self.goal.names)

    def query(self, step: str) -> Query:
        """What an instruction asks for on this table now.

        Raises:
            ImpossibleError: its words fit nothing on the table.
        """
        return query_of(find(step, self.symbols()), self.truth())

    def reached(self) -> bool:
        """True when all that the goal desires is so now."""
        state = self.symbols()
        return all(atom.holds(state) for atom in self.goal.desire)

    def carry_out(self, step: str) -> bool:
        """Let the scripted expert carry out one instruction; returns whether it succeeded in time.

        Raises:
            ImpossibleError: its words fit nothing on the table.
        """
        query = self.query(step)
        task = task_named(query.family)
        for _ in range(task.horizon + _PATIENCE_STEPS):
            truth = self.truth()
            if task.success(truth, query) and self._at_rest(truth, query):
                return True
            self.step(toward(truth, task.waypoint(truth, query)))
        return self.judge(query)

    def carry_out_all(self, steps: Sequence[str]) -> bool:
        """Carry out instructions in order; True when the goal is reached in the end."""
        for step in steps:
            if not self.carry_out(step):
                return False
            for _ in range(_SETTLING_STEPS):
                self.hold()
        return self.reached()

    def _at_rest(self, truth: Truth, query: Query) -> bool:
        """The hand has let go and risen, so that the next instruction starts from a free hand."""
        if query.family in ("reach", "pick_up"):
            return True
        return truth.tool_m[2] > 0.09


class OraclePlanner:
    """The scripted oracle as a :class:`vla.contract.Planner` of one world: it looks up the truth.

    The goal's words are not read: it answers for the goal that the world was laid for.
    """

    def __init__(self, world: GoalWorld) -> None:
        self._world = world

    def plan(self, goal: str, observation: Observation, previous: Plan | None) -> Plan:
        """What remains to be done now; a step counts as done once it is not needed any more.

        The step that put an object into the hand goes on until the hand is empty, whatever else is so.
        Where no instruction leads on, the plan is of kind ``"cannot"``, in words of no grammar.
        """
        if previous is not None and previous.goal != goal:
            previous = None
        state = self._world.symbols()
        try:
            saying = self._under_way(previous, state) or oracle(self._world.goal, state)
        except StuckError as error:
            return Plan(goal, (), 0, (), f"because {error}", "cannot")
        return plan_of(goal, saying, carried_out(goal, saying, previous))

    def _under_way(self, previous: Plan | None, state: Symbols) -> Instructions | None:
        """The current step and what will be left after it, while it holds its object; else None."""
        words = None if previous is None else previous.instruction
        if words is None or self._world.goal.saying is not None:
            return None
        act = find(words, state)
        if act.row < 0 or self._world.truth().held != act.row or act.family not in _PUTS_DOWN:
            return None
        down = {"stack": act.base, "put_in": act.place, "put_in_drawer": act.place}
        after = state.moved(act.row, down.get(act.family, TABLE))
        rest = oracle(self._world.goal, after)
        return Instructions((STEPS[words], *rest.steps)) if isinstance(rest, Instructions) else None


def query_of(act: Act, truth: Truth) -> Query:
    """What an instruction's meaning asks of physics, as of now."""
    if act.family in ("open_drawer", "close_drawer"):
        return Query(act.family, ROW["drawer"])
    if act.family == "press_button":
        return Query(act.family, ROW["button"])
    if act.family in ("unstack", "take_out"):
        return Query(act.family, act.row, point_m=_free_spot(act, truth))
    if act.place in CORNERS:
        return Query(act.family, act.row, point_m=(*CORNERS[act.place], HALF_M), place=act.place)
    if act.place:
        place = "drawer_inside" if act.place == "drawer" else act.place
        return Query(act.family, act.row, ROW[place], place=act.place)
    return Query(act.family, act.row, act.base)


def _free_spot(act: Act, truth: Truth) -> tuple[float, float, float]:
    """A place with room around it 12 cm from where the object is, to the side and inwards if that is free."""
    others = [*range(len(POOL)), *(ROW[name] for name in ("bowl", "tray", "button"))]
    taken = truth.position_m[[row for row in others if row != act.row], :2]
    taken = taken[np.isfinite(taken).all(axis=1)]
    fixture = truth.position_m[[ROW[name] for name in ("bowl", "tray")], :2]
    fixture = fixture[np.isfinite(fixture).all(axis=1)]
    start = truth.position_m[act.row, :2]
    high_y = 0.0 if np.isfinite(truth.position_m[ROW["drawer"], 0]) else MAT_HIGH_M[1] - 0.05
    spots = [
        (float(x), float(y))
        for x in np.arange(MAT_LOW_M[0] + 0.06, MAT_HIGH_M[0] - 0.05, 0.02)
        for y in np.arange(MAT_LOW_M[1] + 0.05, high_y + 1e-6, 0.02)
    ]
    corners = np.array(list(CORNERS.values()))

    def crowded(spot: tuple[float, float]) -> float:
        gaps = [np.linalg.norm(taken - spot, axis=1) - _ROOM_M, np.linalg.norm(corners - spot, axis=1) - 0.06]
        if len(fixture):
            gaps.append(np.linalg.norm(fixture - spot, axis=1) - 0.13)
        return max(0.0, -float(np.concatenate(gaps).min()))

    def price(spot: tuple[float, float]) -> float:
        along_x, along_y = np.subtract(spot, start)
        outwards = abs(spot[1]) - abs(start[1])
        return (
            100 * crowded(spot) + abs(np.hypot(along_x, along_y) - 0.12) + 0.2 * abs(along_x) + 0.1 * outwards
        )

    x, y = min(spots, key=price)
    return x, y, HALF_M
