"""Words that several templates share: how things are called, listed, put, stored, fetched and sorted out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sim.goals.goal import Drawn, Template, worded
from sim.goals.laying import GoalTable
from sim.goals.symbols import names_of
from sim.language import noun
from vla.planner.symbols import name_order

PLURAL: Final = {"block": "blocks", "cylinder": "cylinders", "ball": "balls", "star": "stars"}
PLURALS: Final = {
    "block": "(blocks|blocks|cubes|bricks)",
    "cylinder": "(cylinders|cylinders|cans|tubes)",
    "ball": "(balls|balls|spheres)",
    "star": "stars",
}
INTO: Final = {
    "bowl": "(in|in|into|inside) {place}",
    "tray": "(on|on|onto) {place}",
    "drawer": "(in|in|into|inside) the drawer",
    "zone": "(into|in|to) {place}",
}
"""A place as the end of a movement, by fixture; corners are worded by :func:`into`."""
LYING: Final = {"bowl": "(in|inside) {place}", "tray": "on {place}", "drawer": "(in|inside) the drawer"}
"""The same as where something lies."""
GRASPING: Final = "(take|get|grab) {x} and (put|place|leave) it {d}"
PUT: Final = (
    "(put|place|lay|set) {x} {d}",
    "{x} (goes|belongs|should go|has to go) {d}",
    "i (want|need|would like) {x} {l}",
    "(make sure|see to it|take care) that {x} (is|ends up) {l}",
    "{l} (is the place for|is where you put) {x}",
    "(move|bring|carry|transfer) {x} to its place {l}",
    "there is one thing to do: (put|place) {x} {d}",
)
"""Ways to ask that one thing ``{x}`` goes to ``{d}``, so that it is ``{l}``."""
PUT_ALL: Final = (
    "(put|place|lay|set) {x} {d}",
    "(take|get|grab) {x} and (put|place|leave) them {d}",
    "{x} (go|belong|should go|have to go) {d}",
    "i (want|need|would like) {x} {l}",
    "(make sure|see to it|take care) that {x} (are|end up) {l}",
    "{l} (is the place for|is where you put) {x}",
    "(collect|gather|assemble) {x} {l}",
    "what i need {l}: {x}",
)
"""The same of several things."""
AFTERWARDS: Final = (
    "and (close|shut) it (again|afterwards|)",
    "and (close|shut) the drawer (again|afterwards|behind it)",
    ", then (push|slide) the drawer (shut|closed|in)",
    "; the drawer (must|has to|should) be (closed|shut) in the end",
    "and do not forget to (close|shut) the drawer",
)
"""What is said where the drawer shall be closed in the end."""


def taught(
    name: str, kind: str, lay: Callable[[GoalTable], Drawn], *wordings: str | Sequence[str]
) -> Template:
    """A template for training only; wordings may come in groups."""
    said = [one for group in wordings for one in ((group,) if isinstance(group, str) else group)]
    return Template(name, kind, tuple(said), (), lay)


def say(table: GoalTable, *patterns: str, **slots: str) -> str:
    """One of some patterns, worded at once; see :func:`sim.goals.goal.worded`."""
    return worded(table.pick(patterns), slots, table.rng)


def called(table: GoalTable, row: int) -> str:
    """A thing by colour and shape, such as "that red cube"."""
    return named(table, table.name(row))


def named(table: GoalTable, name: str) -> str:
    """The same of a name that may belong to nothing on the table."""
    colour, shape = name.split()
    return noun(colour, shape, None, table.rng)


def bare(table: GoalTable, name: str) -> str:
    """The same without an article, such as "red cube"."""
    return named(table, name).split(maxsplit=1)[1]


def listed(words: Sequence[str], last: str = "and") -> str:
    """Such as "a, b and c"."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def whither(table: GoalTable, place: str) -> dict[str, str]:
    """A container as the slots ``{d}`` and ``{l}``: where something goes, and where it then lies."""
    return {"d": into(table, place), "l": say(table, LYING[place], place=place)}


def closing(table: GoalTable) -> str:
    """What is added where the drawer shall be closed in the end."""
    words = say(table, *AFTERWARDS)
    return words if words[0] in ",;" else f" {words}"


def into(table: GoalTable, place: str) -> str:
    """A place as the end of a movement, such as "onto the tray" or "to the left front corner"."""
    return say(table, INTO.get(place, "(to|to|into) {place}"), place=place)


def ordered(table: GoalTable, rows: Iterable[int]) -> list[int]:
    """Rows in the order in which sets are worked through."""
    return name_order(rows, names_of(table))
