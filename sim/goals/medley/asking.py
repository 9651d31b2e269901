"""Asking for what cannot be done, in the words in which one asks for what can; and asking questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.medley.wording import taught
from vla.planner.grammar import Answer

TWO: Final = (
    "{a} and {b}",
    "{a}, then {b}",
    "first {a}, second {b}",
    "{a}; after that {b}",
    "(two things|two jobs): {a}, {b}",
    "{b}, but before that {a}",
    "(begin|start) with this: {a}. (finish|end) with this: {b}.",
)
"""Two clauses."""
MOVED: Final = (
    "(push|slide|shove) {x} to {p}",
    "(point at|reach for|hover over|show me) {x}",
    "(store|stow|put) {x} in the drawer",
    "{x} (goes|belongs) in {p}",
    "i (want|need) {x} in the drawer",
    "(move|bring) the (hand|gripper) over {x}",
    "(make sure|see to it) that {x} is in {p}",
)
"""One thing, to a place ``{p}``, to the drawer, or only to be pointed at."""
STACKED: Final = (
    "(stack|put|place) {x} on (top of|) {y}",
    "{x} (goes|belongs|should stand) on {y}",
    "(take|get) {x} and (stack|put|balance) it on {y}",
    "i (want|would like) {x} to stand on {y}",
    "(make sure|see to it) that {x} stands on {y}",
    "(use|take) {x} as a hat for {y}",
)
"""One thing on another."""
THREE: Final = (
    "(build|make) a tower that reads {x}, {y}, {z} from above",
    "a (tower|stack) with {x} above {y} and {y} above {z}",
    "{z} carries {y} and {y} carries {x}: build that",
    "i want a (tower|pile) of three: {x} highest, {z} lowest, {y} between them",
    "build a (tower|stack): {z} at the bottom, {y} in the middle and {x} on top",
    "(put|place) {x} on {y} after putting {y} on {z}",
    "first {z}, then {y} on it, then {x} on that: such a (tower|stack) i want",
)
"""A tower of three from the top: ``{x}``, ``{y}``, ``{z}``."""
ANY: Final = (
    "(build|make) a (tower|stack|pile) (of|from|out of) {l}, in any order",
    "(stack|pile) up {l}, whichever way",
    "{l} (should|shall) become one (tower|stack), in whatever order",
    "i want one (tower|pile) of {l}; which one is lowest does not matter",
    "(use|take) {l} for a (tower|stack), any order will do",
    "let {l} form a single (tower|stack)",
)
"""A tower in any order."""
SWAP: Final = (
    "(swap|exchange|switch) {x} and {y}",
    "let {x} and {y} (swap|trade|change) places",
    "{x} goes where {y} is, and {y} where {x} is",
    "(trade|switch) {x} for {y}",
    "each of {x} and {y} (goes|moves) to where the other one is",
    "put {x} in the place of {y} and the other way round",
)
"""Two things in each other's place."""
OUT: Final = (
    "take {x} (out of|from) the drawer and put it {d}",
    "(move|bring|carry) {x} from the drawer to its place {l}",
    "{x} is in the drawer and belongs {l}",
    "{x} (should|must) come out of the drawer and go {d}",
    "(get|fetch) {x} from the drawer, it goes {d}",
    "open the drawer, take {x} out and place it {d}",
)
"""Out of the drawer and somewhere else."""
BOTH_OUT: Final = (
    "(take|get|fetch) {x} and {y} (out of|from) the drawer",
    "both {x} and {y} (should|must) come out of the drawer",
    "(remove|unload) {x} and {y} from the drawer",
    "bring me {x} from the drawer, and {y}, too",
    "take {x} out of the drawer, then {y}",
    "i want {x} and {y} out of the drawer",
)
"""Two things out of the drawer."""
SHAPE: Final = (
    "(reach for|point at|touch|hover over) the {s}",
    "(push|slide|shove) the {s} to {p}",
    "(put|store|stow) the {s} in the drawer",
    "the {s} (goes|belongs) in the drawer",
    "(move|bring) the (hand|gripper) over the {s}",
    "the {s} (must|should) be pushed to {p}",
)
"""By shape alone; never to be picked up."""
PUSHED: Final = (
    "(push|slide|shove|move) {x} to {p}",
    "{x} (goes|belongs|has to go) in {p}",
    "i (want|would like) {x} in {p}",
    "(sweep|scoot|nudge) {x} over the table to {p}",
    "{x} (must|should) be (pushed|moved) to {p}",
    "(without lifting it, push|push, do not carry,) {x} to {p}",
)
"""Over the table."""
FIXED: Final = (
    "(put|place|push|move) {p} {d}",
    "{p} (goes|belongs|should go) {d}",
    "(take|get) {p} and put it {d}",
    "(carry|bring|drag) {p} over {d}",
    "i (want|would like) {p} to go {d}",
    "{p} (has to|must) be moved {d}",
)
"""A fixture to somewhere."""
FIXED_SWAP: Final = (
    "(swap|exchange) {x} and {p}",
    "let {p} and {x} (swap|trade|change) places",
    "{p} goes where {x} is and {x} where {p} is",
    "(trade|switch) {p} for {x}",
    "(lift|carry) {p} onto {x}",
    "(put|set|place) {p} on {x}",
)
"""A fixture and a thing."""


def refusal(name: str, lay: Callable[[GoalTable], Drawn], said: Sequence[str]) -> Template:
    """A template of what cannot be done."""
    return taught(name, "infeasible", lay, said)


def question(name: str, lay: Callable[[GoalTable], Drawn], *said: str) -> Template:
    """A template that is answered; nothing moves."""
    return taught(name, "question", lay, said)


def yes(holds: bool) -> Answer:
    """Yes or no."""
    return Answer("yes" if holds else "no")


def the(table: GoalTable, row: int) -> Answer:
    """A thing by its name."""
    return Answer(f"the {table.name(row)}")
