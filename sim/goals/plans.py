"""The scripted oracle's plans for tables that have been laid but not simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from sim.goals.goal import Goal, Template, draw
from sim.goals.judge import find
from sim.goals.laying import GoalTable
from sim.goals.oracle import oracle
from sim.goals.progress import carry_out
from sim.goals.symbols import nominal_truth, symbols_of
from vla.planner.grammar import Instructions, Step, step_words
from vla.planner.symbols import Symbols

_PROBES = 3


def nominal_state(goal: Goal, table: GoalTable, pressed: bool = False) -> Symbols:
    """What is so on a table as it is laid."""
    return replace(symbols_of(nominal_truth(table), goal.names), pressed=pressed)


def plan_for(goal: Goal, table: GoalTable, pressed: bool = False) -> tuple[Step, ...]:
    """What remains to be done; nothing where something is to be said instead.

    Raises:
        StuckError: see :func:`sim.goals.oracle.oracle`.
    """
    saying = oracle(goal, nominal_state(goal, table, pressed))
    return saying.steps if isinstance(saying, Instructions) else ()


def play(goal: Goal, table: GoalTable, steps: Iterable[Step]) -> bool:
    """Change a table as steps would; returns whether one of them pressed the button.

    Raises:
        CrowdedError: see :func:`sim.goals.progress.carry_out`.
        ImpossibleError: a step fits nothing.
    """
    pressed = False
    for step in steps:
        carry_out(table, find(step_words(step), nominal_state(goal, table, pressed)))
        pressed = pressed or step.family == "press_button"
    return pressed


def templates_with(family: str, among: tuple[Template, ...]) -> tuple[Template, ...]:
    """Templates whose plans hold an instruction of a family, as far as a few of their tables tell."""
    return tuple(template for template in among if family in _families(among)[template.name])


@cache
def _families(among: tuple[Template, ...]) -> Mapping[str, frozenset[str]]:
    """Template to the families of instructions in its plans."""
    return {
        template.name: frozenset(
            step.family for seed in range(_PROBES) for step in plan_for(*draw(template, seed))
        )
        for template in among
    }
