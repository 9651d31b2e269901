"""How something is to be done, where the person says so: "push it there, do not lift it"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from vla.planner.clauses import split_commands
from vla.planner.sayings import COLOURS, STEPS, Instructions, Saying, Step
from vla.planner.symbols import LOOSE, Symbols

_VERB = r"(?:push|slid|shov|nudg|shift|scoot|drag|sweep|herd|driv|steer)\w*"
PUSHING: Final = re.compile(rf"\b{_VERB}\b|\bwithout (?:lifting|picking)\b")
"""Words that ask for pushing."""
_MARK = re.compile(r"\b(?:corners?|zone|square|area)\b")
_NOT_MEANT = re.compile(
    # The button and the drawer are pushed however things are moved.
    rf"\b{_VERB}(?: \w+){{0,3}} (?:button|drawer)\b|\b(?:button|drawer) a (?:push|shove|nudge)\b"
    rf"|\b(?:not|n't|never|no|instead of|rather than)(?: \w+){{0,2}} {_VERB}|\b{_VERB} is (?:not|forbidden)\b"
)
_COLOUR = re.compile(rf"\b(?:{'|'.join(COLOURS)})\b")


def pushed(goal: str, names: Iterable[str]) -> frozenset[str]:
    """Which things a goal asks to push, where they belong in the zone or in corners.

    Args:
        goal: What the person said. A clause that asks for pushing means the things of the colours in it, or
            all things where it names no colour.
        names: Of the things there are, such as ``"red block"``.
    """
    clauses = _pushing_clauses(goal)
    return frozenset(
        name for name in names if any(not colours or name.split()[0] in colours for colours in clauses)
    )


@lru_cache(maxsize=256)
def _pushing_clauses(goal: str) -> tuple[frozenset[str], ...]:
    """The colours that each clause which asks for pushing names; a goal is asked about at every look."""
    clauses = [_NOT_MEANT.sub(" ", clause) for clause in split_commands(goal)]
    return tuple(
        frozenset(_COLOUR.findall(clause))
        for clause in clauses
        if PUSHING.search(clause) and _MARK.search(clause)
    )


def in_manner(goal: str, saying: Saying, state: Symbols, doing: str | None = None) -> Saying:
    """The same, with things pushed instead of carried where the person asks for that and they can be.

    Args:
        goal: What the person said.
        saying: What a planner makes of it.
        state: The table now; what does not stand on the table itself by then is carried in any case.
        doing: The instruction that is being carried out; what is being pushed goes on being pushed, even
            where the hand around it looks as if it held it.
    """
    slid = pushed(goal, state.names.values())
    if not isinstance(saying, Instructions) or not slid:
        return saying
    loose = {state.names[row] for row, place in state.where.items() if place in LOOSE}
    if doing is not None and doing in STEPS and STEPS[doing].family == "push":
        loose.add(STEPS[doing].target)
    steps: list[Step] = []
    for step in saying.steps:
        if step.family in ("unstack", "take_out"):
            loose.add(step.target)
        slides = step.family == "put_in" and step.place in LOOSE and step.target in loose & slid
        steps.append(replace(step, family="push") if slides else step)
    return Instructions(tuple(steps))
