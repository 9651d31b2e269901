"""Lessons for a planner: a table somewhere on the way to a goal, what can be seen of it, and what to say.

A lesson is a function of (template, seed). Part of the plan has been carried out; now and then the next thing
is in the hand, or something that had been placed lies about again. With a picture, where the next instruction
may also be nearly done, it teaches to look; without one it teaches to plan from a table told in words, which
costs a fiftieth.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.goals.goal import Goal, Template, draw
from sim.goals.judge import find
from sim.goals.laying import GoalTable
from sim.goals.model import Act, ImpossibleError
from sim.goals.nearly import nearly, nearly_pose
from sim.goals.oracle import StuckError, oracle
from sim.goals.plans import nominal_state
from sim.goals.progress import CrowdedError, carry_out, lay_aside
from sim.goals.symbols import nominal_truth
from sim.goals.telling import hidden, points_of, seen_of
from sim.goals.world import GoalWorld
from sim.holding import close_around
from sim.instruct import turns
from sim.instruct.question import Turn
from sim.objects import ROW, ROWS
from sim.randomise import Randomise
from sim.tableaux import random_pose
from sim.tasks.reach import HOVER_M
from sim.truth import Truth
from vla.dataset.lessons import LessonText
from vla.planner.grammar import Instructions, format_saying, step_words
from vla.planner.seen import format_seen
from vla.planner.symbols import HELD, Symbols

_FRESH_SHARE = 0.45
_UPSET_SHARE = 0.12
_IN_HAND_SHARE = 0.3
_NEARLY_SHARE = 0.25
_HOME_SHARE = 0.35
_LIFTED = frozenset({"put_in", "put_in_drawer", "stack", "pick_up"})
_SETTLING_STEPS, _STILL_M_S = 40, 0.02
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """What the cameras see of a lesson.

    Attributes:
        images: Camera to uint8 (H, W, 3).
        points: See :func:`sim.goals.telling.points_of`.
    """

    images: Mapping[str, NDArray[np.uint8]]
    points: NDArray[np.float16]


@dataclass(slots=True)
class _Situation:
    goal: Goal
    table: GoalTable
    history: tuple[str, ...]
    pressed: bool
    in_hand: Act | None
    nearly: Act | None = None


def lesson(template: Template, seed: int, switches: Randomise | None = None, talk: int = 0) -> LessonText:
    """A lesson in words alone.

    Args:
        template: What the goal is about.
        seed: Draws everything.
        switches: What may vary.
        talk: How many questions about the table to add.
    """
    for rng in _streams(template, seed):
        try:
            situation = _situation(template, seed, switches, rng)
            truth = nominal_truth(situation.table)
            state = nominal_state(situation.goal, situation.table, situation.pressed)
            act = situation.in_hand
            if act is not None and act.family == "reach":
                state = replace(state, over=act.row)
            elif act is not None:
                state = state.moved(act.row, HELD)
            return _lesson(situation, state, truth, seed, talk)
        except (CrowdedError, StuckError, ImpossibleError):
            continue
    raise RuntimeError(f"no situation found for {template.name!r}, seed {seed}, in {_TRIES} tries")


def pictured_lesson(
    world: GoalWorld, template: Template, seed: int, switches: Randomise | None = None, talk: int = 0
) -> tuple[LessonText, Picture]:
    """A lesson with its picture; the world is left in that situation."""
    for rng in _streams(template, seed):
        try:
            situation = _situation(template, seed, switches, rng)
            if situation.in_hand is None and rng.random() < _NEARLY_SHARE:
                _bring_near(situation)
            world.lay_goal(situation.goal, situation.table, switches, situation.pressed)
            _settle(world, situation.table)
            _pose(world, situation, rng)
            state, truth = world.symbols(), world.truth()
            found = _lesson(situation, state, truth, seed, talk)
        except (CrowdedError, StuckError, ImpossibleError):
            continue
        uv = world.entities(truth).reshape(ROWS, -1)[:, 5:7]
        return found, Picture(world.pictures(), points_of(state, uv))
    raise RuntimeError(f"no situation found for {template.name!r}, seed {seed}, in {_TRIES} tries")


def _streams(template: Template, seed: int) -> Iterator[np.random.Generator]:
    key = zlib.crc32(template.name.encode())
    return (np.random.default_rng([seed, 7, key, attempt]) for attempt in range(_TRIES))


def _situation(
    template: Template, seed: int, switches: Randomise | None, rng: np.random.Generator
) -> _Situation:
    goal, table = draw(template, seed, switches)
    saying = oracle(goal, nominal_state(goal, table, False))
    if not isinstance(saying, Instructions) or not saying.steps:
        return _Situation(goal, table, (), False, None)
    steps = [step_words(step) for step in saying.steps]
    count = 0 if rng.random() < _FRESH_SHARE else int(rng.integers(1, len(steps) + 1))
    acts: list[Act] = []
    for step in steps[:count]:
        acts.append(find(step, nominal_state(goal, table, False)))
        carry_out(table, acts[-1])
    pressed = any(act.family == "press_button" for act in acts)
    placed = [
        act.row for act in acts if act.row >= 0 and _is_free(act.row, nominal_state(goal, table, pressed))
    ]
    upset = bool(placed) and rng.random() < _UPSET_SHARE
    if upset:
        lay_aside(table, placed[int(rng.integers(len(placed)))])
    in_hand = acts[-1] if acts and acts[-1].family in ("pick_up", "reach") and not upset else None
    if in_hand is None and rng.random() < _IN_HAND_SHARE:
        in_hand = _next_in_hand(goal, nominal_state(goal, table, pressed))
    return _Situation(goal, table, tuple(steps[:count]), pressed, in_hand)


def _next(goal: Goal, state: Symbols) -> Act | None:
    rest = oracle(goal, state)
    if not isinstance(rest, Instructions) or not rest.steps:
        return None
    return find(step_words(rest.steps[0]), state)


def _next_in_hand(goal: Goal, state: Symbols) -> Act | None:
    act = _next(goal, state)
    return act if act is not None and act.family in _LIFTED and state.on(act.row) < 0 else None


def _bring_near(situation: _Situation) -> None:
    """Have the next instruction nearly done, if that can be."""
    state = nominal_state(situation.goal, situation.table, situation.pressed)
    act = _next(situation.goal, state)
    if act is not None and nearly(situation.table, act):
        situation.nearly = act


def _is_free(row: int, state: Symbols) -> bool:
    return state.on(row) < 0 and state.ground(row) != "drawer"


def _settle(world: GoalWorld, table: GoalTable) -> None:
    """Wait until what was put down lies still: only then is it where it is."""
    rows = list(table.things)
    for _ in range(_SETTLING_STEPS):
        if (world.truth().speed_m_s[rows] < _STILL_M_S).all():
            return
        world.hold()


def _pose(world: GoalWorld, situation: _Situation, rng: np.random.Generator) -> None:
    """With the thing in the hand or under it that should be, or nearly; else at home or anywhere."""
    act = situation.in_hand
    tool_m, gap_m = random_pose(rng)
    posed = None if situation.nearly is None else nearly_pose(world.truth(), situation.nearly, rng)
    if posed is not None:
        tool_m, gap_m = posed
    elif act is not None and act.family == "reach":
        tool_m = world.truth().position_m[act.row] + HOVER_M + rng.uniform(-0.01, 0.01, 3)
    elif act is not None:
        tool_m[2] = rng.uniform(0.15, 0.3)
        close_around(world, act.row, tool_m)
        return
    elif rng.random() < _HOME_SHARE:
        return
    world.pose_arm(tool_m, gap_m)


def _lesson(situation: _Situation, state: Symbols, truth: Truth, seed: int, talk: int) -> LessonText:
    goal = situation.goal
    return LessonText(
        goal.template,
        goal.kind,
        seed,
        goal.text,
        situation.history,
        format_seen(seen_of(state, truth)),
        format_saying(oracle(goal, state)),
        tuple((turn.question, turn.answer) for turn in _talk(state, truth, seed, talk)),
    )


def _xy(truth: Truth, row: int) -> tuple[float, float]:
    x, y = truth.position_m[row, :2]
    return float(x), float(y)


def _talk(state: Symbols, truth: Truth, seed: int, count: int) -> list[Turn]:
    """Questions about what can be seen; none where a name does not tell two things apart."""
    visible = [row for row in state.names if not hidden(row, state)]
    names = {row: state.names[row] for row in visible}
    if not count or len(set(names.values())) < len(names):
        return []
    scene = replace(state, names=names, where={row: state.where[row] for row in visible})
    at = {name: row for row, name in names.items()} | {name: ROW[name] for name in state.fixtures}
    points = {name: _xy(truth, row) for name, row in at.items()}
    return turns(scene, points, np.random.default_rng([seed, 8]), count)
