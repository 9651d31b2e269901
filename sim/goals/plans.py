"""The scripted oracle's plans for tables that have been laid but not simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from sim.goals.goal import Goal, Template, draw
from sim.goals.judge import find
from sim.goals.laying import GoalTable
from sim.goals.model import Act
from sim.goals.oracle import oracle
from sim.goals.progress import carry_out
from sim.goals.symbols import nominal_truth, symbols_of
from vla.planner.grammar import Instructions, Step, step_words
from vla.planner.symbols import Symbols

_PROBES = 3


def nominal_state(goal: Goal, table: GoalTable, pressed: bool = False) -> Symbols:
    """What is so on a table as it is laid."""
    return replace(symbols_of(nominal_truth(table), goal.names), pressed=pressed)


def plan_for(goal: Goal, table: GoalTable) -> tuple[Step, ...]:
    """What is to be done; nothing where something is to be said instead.

    Raises:
        StuckError: see :func:`sim.goals.oracle.oracle`.
    """
    saying = oracle(goal, nominal_state(goal, table))
    return saying.steps if isinstance(saying, Instructions) else ()


@dataclass(frozen=True, slots=True)
class Due:
    """An instruction of a plan, on a table where all before it has been carried out.

    Attributes:
        plan: All of it.
        index: Which instruction is due.
        act: What that means on this table.
        pressed: The button has been pressed by then.
    """

    plan: tuple[Step, ...]
    index: int
    act: Act
    pressed: bool


def due(goal: Goal, table: GoalTable, family: str, rng: np.random.Generator) -> Due | None:
    """Carry a plan out up to one of its instructions of a family; None, and nothing changed, without one.

    Args:
        goal: What the plan is for.
        table: Changed in place.
        family: Of the instruction.
        rng: Draws which, where there are several.

    Raises:
        CrowdedError: see :func:`sim.goals.progress.carry_out`.
        ImpossibleError: a step fits nothing.
        StuckError: see :func:`sim.goals.oracle.oracle`.
    """
    plan = plan_for(goal, table)
    places = [i for i, step in enumerate(plan) if step.family == family]
    if not places:
        return None
    index, pressed = places[int(rng.integers(len(places)))], False
    for step in plan[:index]:
        carry_out(table, find(step_words(step), nominal_state(goal, table, pressed)))
        pressed = pressed or step.family == "press_button"
    return Due(plan, index, find(step_words(plan[index]), nominal_state(goal, table, pressed)), pressed)


def templates_with(family: str, among: tuple[Template, ...]) -> tuple[Template, ...]:
    """Templates whose plans hold an instruction of a family, as far as a few of their tables tell."""
    families = _families(among)
    return tuple(template for template in among if family in families[template.name])


@cache
def _families(among: tuple[Template, ...]) -> Mapping[str, frozenset[str]]:
    """Template to the families of instructions in its plans."""
    return {
        template.name: frozenset(
            step.family for seed in range(_PROBES) for step in plan_for(*draw(template, seed))
        )
        for template in among
    }
