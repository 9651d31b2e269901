"""Moments on the way to a goal at which an instruction is done, or is not, or is nearly so.

A detector of success is easily right about a thing on the far side of the table. What tells detectors apart
is the thing beside the bowl, the drawer half open, the hand around a thing that it has not lifted yet, and
another thing done in the same picture; such moments are made on purpose. Whatever a moment was made for, the
simulated world judges after physics has had its say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sim.goals import TEMPLATES
from sim.goals.fulfilment import fulfilled, others
from sim.goals.goal import Template, draw
from sim.goals.model import Act, ImpossibleError
from sim.goals.nearly import nearly, nearly_pose
from sim.goals.oracle import StuckError
from sim.goals.plans import due, templates_with
from sim.goals.progress import CrowdedError, carry_out
from sim.goals.telling import hidden
from sim.goals.world import GoalWorld
from sim.holding import close_around
from sim.randomise import Randomise
from sim.seeds import EVALUATION_SEED
from sim.tableaux import random_pose
from sim.tasks import TASKS
from sim.tasks.reach import HOVER_M
from vla.planner.grammar import step_words
from vla.planner.symbols import Symbols

Case = Literal["just done", "done before", "not yet", "almost", "another"]

FAMILIES: Final = tuple(TASKS)
CASES: Final[tuple[Case, ...]] = ("just done", "done before", "not yet", "almost", "another")
"""Carried out by the scripted expert, whose arm is where it leaves off; carried out, and the arm may be
anywhere; about to be; nearly; carried out with something else than what is asked about."""
LAID: Final = CASES[:-1]
"""Cases that a moment can be laid for."""

_TRIES = 60
_SETTLING_STEPS = 5
_HOME_SHARE, _ABOVE_SHARE = 0.3, 0.3
_FALLS = ("put_in", "stack")


@dataclass(frozen=True, slots=True)
class Question:
    """An instruction that a detector is asked about at a moment.

    Attributes:
        family: The instruction's task family.
        case: Why the answer is what it is.
        instruction: In a planner's words.
        done: The simulated world's verdict.
    """

    family: str
    case: Case
    instruction: str
    done: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """What the world was left in.

    Attributes:
        template: Whose plan was being carried out.
        questions: About one instruction of it, and perhaps about another one of the same family.
    """

    template: str
    questions: tuple[Question, ...]


def lay_moment(
    world: GoalWorld, family: str, case: Case, seed: int, switches: Randomise | None = None
) -> Moment:
    """Leave the world at a moment; the same arguments give the same one.

    Args:
        world: Where.
        family: Of the instruction.
        case: One of :data:`LAID`; where an instruction cannot be nearly done, such as taking something off,
            ``"almost"`` gives ``"not yet"``. With what is done comes a question about ``"another"`` thing
            wherever there is one.
        seed: Draws everything.
        switches: What may vary.

    Raises:
        ValueError: the family is unknown, or the case is ``"another"``.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r} is not one of {', '.join(FAMILIES)}")
    if case not in LAID:
        raise ValueError(f"case {case!r} is not one of {', '.join(LAID)}")
    choices = templates_with(family, tuple(TEMPLATES.values()))
    for attempt in range(_TRIES):
        rng = np.random.default_rng([seed, 12, FAMILIES.index(family), attempt])
        template = choices[int(rng.integers(len(choices)))]
        try:
            found = _tried(world, template, family, case, seed + attempt * EVALUATION_SEED, switches, rng)
        except (CrowdedError, StuckError, ImpossibleError):
            continue
        if found is not None:
            return found
    raise RuntimeError(f"no moment found for {family!r}, {case!r}, seed {seed}, in {_TRIES} tries")


def _tried(
    world: GoalWorld,
    template: Template,
    family: str,
    case: Case,
    seed: int,
    switches: Randomise | None,
    rng: np.random.Generator,
) -> Moment | None:
    """One try; None where the plan has no such instruction, or physics did not leave things as meant."""
    goal, table = draw(template, seed, switches)
    found = due(goal, table, family, rng)
    if found is None:
        return None
    words, act, pressed = step_words(found.plan[found.index]), found.act, found.pressed
    if case == "done before":
        carry_out(table, act)
        pressed = pressed or family == "press_button"
    elif case == "almost" and not nearly(table, act):
        case = "not yet"
    world.lay_goal(goal, table, switches, pressed)
    if case == "just done" and not world.carry_out(words):
        return None
    if case == "just done" or (case == "almost" and family in _FALLS):
        for _ in range(_SETTLING_STEPS):
            world.hold()
    if case != "just done":
        _pose(world, act, case, rng)
    questions = _asked(world.symbols(), act, case, words, rng)
    return Moment(template.name, questions) if questions else None


def _asked(
    state: Symbols, act: Act, case: Case, words: str, rng: np.random.Generator
) -> tuple[Question, ...]:
    """What to ask about; nothing where things are not as meant, or what it is about cannot be seen."""
    done = fulfilled(act, state)
    unseen = act.row in state.names and hidden(act.row, state)
    if done != (case in ("just done", "done before")) or unseen:
        return ()
    questions = [Question(act.family, case, words, done)]
    besides = list(others(act, state)) if done else []
    if besides:
        other = besides[int(rng.integers(len(besides)))]
        questions.append(Question(other.family, "another", step_words(other), False))
    return tuple(questions)


def _pose(world: GoalWorld, act: Act, case: Case, rng: np.random.Generator) -> None:
    """Where the arm would be: over or around the thing if that is what is asked about, else anywhere."""
    tool_m, gap_m = random_pose(rng)
    truth = world.truth()
    at = truth.position_m
    posed = nearly_pose(truth, act, rng) if case == "almost" else None
    if posed is not None:
        tool_m, gap_m = posed
    elif act.family == "reach" and case == "done before":
        away = rng.uniform(0, 2 * np.pi)
        tool_m = at[act.row] + HOVER_M + rng.uniform(0, 0.012) * np.array([np.cos(away), np.sin(away), 0])
    elif act.family == "pick_up" and case == "done before":
        tool_m[2] = rng.uniform(0.15, 0.3)
        close_around(world, act.row, tool_m)
        return
    elif act.row >= 0 and act.family != "pick_up" and rng.random() < _ABOVE_SHARE:
        # Just come, or about to leave: no cue to whether the thing is where it should be.
        tool_m = at[act.row] + [0, 0, rng.uniform(0.1, 0.2)]
    elif rng.random() < _HOME_SHARE:
        return
    world.pose_arm(tool_m, gap_m)
