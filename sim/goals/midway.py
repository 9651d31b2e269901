"""Scenes for demonstrations on the way to a goal: whatever was to be done before has been done already.

A task's own scene shows its object alone on the table, the bowl empty, the arm at its start. An instruction
of a plan finds a tower that has begun, a tray with two things on it, something in the hand, the arm where it
left off; and where it has been tried before, its object just beside where it should be.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.goals.fulfilment import others
from sim.goals.goal import Template, draw
from sim.goals.medley import MEDLEY
from sim.goals.model import Act, ImpossibleError
from sim.goals.nearly import nearly, nearly_pose
from sim.goals.oracle import StuckError
from sim.goals.plans import due, templates_with
from sim.goals.progress import CrowdedError
from sim.goals.school import TAUGHT
from sim.goals.telling import hidden
from sim.goals.world import GoalWorld
from sim.holding import close_around
from sim.layout import held_out_cell
from sim.objects import POOL, ROW
from sim.randomise import Randomise
from sim.robot import GAP_OPEN_M
from sim.seeds import EVALUATION_SEED
from sim.tableaux import random_pose
from sim.tasks import TASKS, task_named
from sim.truth import Query, Truth
from sim.wording import texts
from sim.world import ALTERNATIVES, WORDINGS, Scenario
from vla.planner.grammar import Step, step_words

COURSE: Final = (*TAUGHT, *MEDLEY)
"""The goals on whose way scenes lie; none of those held out."""
_TRIES = 60
_STRIDE = 100_003
_PLANNED_SHARE = 4
"""One wording in so many is the planner's."""
_NEARLY_SHARE, _IN_HAND_SHARE = 0.2, 0.15
_HOME_SHARE, _LEAVING_SHARE = 0.4, 0.35
_SETTLING_STEPS = 5
_LEFT_OFF_M = (0.09, 0.13)
"""How high above a thing the hand is that has just let go of it."""
_HAND_M, _ABOVE_M = 0.10, 0.07
_FRONT_OF_CABINET_M, _OVER_CABINET_M = 0.08, 0.24
_CARRIED = frozenset({"put_in", "put_in_drawer", "stack"})


class MidwayWorld(GoalWorld):
    """A world that can also be left in the middle of a goal, where an instruction of a family is due."""

    def reset_midway(self, family: str, seed: int, switches: Randomise | None = None) -> Scenario:
        """Draw and lay a scene; the same arguments give the same one.

        Args:
            family: Of the instruction that is due, which the scenario asks for first. Then come instructions
                that have been carried out, that come later, or that would make as much sense.
            seed: Draws everything.
            switches: What may vary; training's defaults when None. With ``layout="train"`` the thing that
                is meant stands in no cell that training held out.

        Raises:
            ValueError: the family is unknown.
            RuntimeError: no scene was found.
        """
        task_named(family)
        switches = switches or Randomise()
        choices = templates_with(family, COURSE)
        for attempt in range(_TRIES):
            rng = np.random.default_rng([seed, 14, tuple(TASKS).index(family), attempt])
            try:
                template = choices[int(rng.integers(len(choices)))]
                found = self._tried(family, template, _another(seed, attempt), switches, rng)
            except (CrowdedError, StuckError, ImpossibleError):
                continue
            if found is not None:
                self._scenario = replace(found, seed=seed)
                return self._scenario
        raise RuntimeError(f"no scene found on the way to {family!r}, seed {seed}, in {_TRIES} tries")

    def _tried(
        self, family: str, template: Template, seed: int, switches: Randomise, rng: np.random.Generator
    ) -> Scenario | None:
        """One try; None where the plan has no such instruction, or physics did not leave things as meant."""
        goal, table = draw(template, seed, replace(switches, paraphrase="train"))  # the medley has no others
        found = due(goal, table, family, rng)
        if found is None:
            return None
        plan, act = found.plan, found.act
        near = rng.random() < _NEARLY_SHARE and nearly(table, act)
        self.lay_goal(goal, table, switches, found.pressed)
        for _ in range(_SETTLING_STEPS):
            self.hold()
        self._steps = 0
        self._pose(act, near, rng)
        if act.row >= 0 and hidden(act.row, self.symbols()):
            return None
        rest = [*plan[: found.index], *plan[found.index + 1 :]]
        queries = self._queries(plan[found.index], rest, act, rng)
        truth = self.truth()
        if self.judge(queries[0][1]) or not _in_bounds(act, truth, switches):
            return None
        planned = switches.paraphrase == "train"
        wordings = tuple(
            tuple(
                step_words(step) if planned and k % _PLANNED_SHARE == 1 else words
                for k, words in enumerate(texts(query, switches.paraphrase, rng, WORDINGS))
            )
            for step, query in queries
        )
        return Scenario(
            family,
            wordings[0][0],
            seed,
            task_named(family).horizon,
            switches,
            tuple(query for _, query in queries),
            wordings,
        )

    def _queries(
        self, step_due: Step, plan: list[Step], act: Act, rng: np.random.Generator
    ) -> list[tuple[Step, Query]]:
        """What is due, then other instructions of the plan and such that may be mistaken for it."""
        state = self.symbols()
        shown = {name for row, name in state.names.items() if not hidden(row, state)}
        besides = [step for step in (*plan, *others(act, state)) if not step.target or step.target in shown]
        steps = dict.fromkeys((step_due, *(besides[i] for i in rng.permutation(len(besides)))))
        found: list[tuple[Step, Query]] = []
        for step in steps:
            try:
                found.append((step, _worded(self.query(step_words(step)), step)))
            except ImpossibleError:
                continue  # nothing is there any more that its words fit
        return found[: 1 + ALTERNATIVES]

    def _pose(self, act: Act, near: bool, rng: np.random.Generator) -> None:
        """Put the arm where it should be, or where it may have been left."""
        truth = self.truth()
        posed = nearly_pose(truth, act, rng) if near else None
        if posed is not None:
            return self.pose_arm(*posed)
        tool_m, gap_m = random_pose(rng)
        draw_ = rng.random()
        in_drawer = self.symbols().where.get(act.row) == "drawer"
        if act.family in _CARRIED and draw_ < _IN_HAND_SHARE and not (near or in_drawer):
            tool_m[2] = rng.uniform(0.15, 0.3)
            if _is_clear(truth, tool_m):
                close_around(self, act.row, tool_m)
            return
        if draw_ > 1 - _HOME_SHARE:
            return
        things_m = truth.position_m[: len(POOL)]
        things_m = things_m[np.isfinite(things_m).all(axis=1)]
        if draw_ < _IN_HAND_SHARE + _LEAVING_SHARE and len(things_m):
            tool_m = things_m[int(rng.integers(len(things_m)))] + [0, 0, rng.uniform(*_LEFT_OFF_M)]
            gap_m = GAP_OPEN_M
        if _is_clear(truth, tool_m):
            self.pose_arm(tool_m, gap_m)


def _another(seed: int, attempt: int) -> int:
    """A goal's seed, on the same side of what separates training from evaluation."""
    if seed >= EVALUATION_SEED:
        return seed + attempt * EVALUATION_SEED
    return (seed + attempt * _STRIDE) % EVALUATION_SEED


def _is_clear(truth: Truth, tool_m: NDArray[np.float64]) -> bool:
    """Whether a hand there touches nothing."""
    offset_m = tool_m - truth.position_m
    near = np.hypot(offset_m[:, 0], offset_m[:, 1]) < _HAND_M
    behind = np.isfinite(truth.position_m[ROW["drawer"], 1]) and tool_m[1] > _FRONT_OF_CABINET_M
    return not (near & (offset_m[:, 2] < _ABOVE_M)).any() and not (behind and tool_m[2] < _OVER_CABINET_M)


def _in_bounds(act: Act, truth: Truth, switches: Randomise) -> bool:
    """Whether the thing that is meant stands where training may, or a test does, find it."""
    if act.row < 0:
        return True
    x, y, _ = truth.position_m[act.row]
    return held_out_cell(float(x), float(y)) == (switches.layout == "test")


def _worded(query: Query, step: Step) -> Query:
    """The same, with the words that an instruction has for it."""
    if not step.target:
        return query
    colour, shape = step.target.split()
    query = replace(query, colour=colour, noun=shape)
    if query.family not in ("stack", "unstack"):
        return query
    base_colour, base_shape = step.place.split()
    return replace(query, base_colour=base_colour, base_noun=base_shape)
