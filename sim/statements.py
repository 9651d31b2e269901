"""Statements about a scene that are plainly true, plainly false, or neither.

The vocabulary is finite: :data:`STATEMENTS` lists everything that can be said, so a set of statements is a
row of bits. A statement is existential: "the red block is in the bowl" holds where some red block is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.facts import PLACES, Facts, Item
from sim.objects import COLOUR_NAMES, HELD_OUT_PAIRS, SHAPES

SIDES: Final = {"left": (1, -1), "right": (1, 1), "front": (0, 1), "behind": (0, -1)}
"""Relation to (axis, sign) in the robot frame; as seen in the front camera's picture."""
LANDMARKS: Final = ("bowl", "tray", "button")
CONTAINERS: Final = ("bowl", "tray", "drawer")
KINDS: Final = ("there", "count", "side", "on", "in", "held", "contents", "drawer", "gripper")
ATTRIBUTES: Final = ("colour", "shape", "relation", "container", "state")
"""What a statement's negatives differ in."""

_CLEAR_M = 0.045
_OPPOSITE = {"left": "right", "right": "left", "front": "behind", "behind": "front"}
_STATES = {"drawer": ("open", "closed"), "contents": ("empty", "full"), "gripper": ("empty", "full")}
_MOST_COUNTED = 4


@dataclass(frozen=True, slots=True)
class Noun:
    """A thing by its words; without a colour, any colour is meant."""

    shape: str
    colour: str | None = None

    @property
    def held_out(self) -> bool:
        """True for a pair of colour and shape that no training scene contains."""
        return (self.colour, self.shape) in HELD_OUT_PAIRS


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that can be said of a scene.

    Attributes:
        kind: One of :data:`KINDS`.
        subject: The thing spoken of, or None.
        value: The side, place, count or state, in words; "" where the kind needs none.
        landmark: The thing or the name of the fixture it is related to, or None.
    """

    kind: str
    subject: Noun | None = None
    value: str = ""
    landmark: Noun | str | None = None

    @property
    def held_out(self) -> bool:
        """True where it speaks of a pair that no training scene contains."""
        return any(isinstance(n, Noun) and n.held_out for n in (self.subject, self.landmark))


_PAIRS = [Noun(shape, colour) for shape in SHAPES for colour in COLOUR_NAMES]
_NOUNS = [*_PAIRS, *(Noun(shape) for shape in SHAPES)]


def _everything() -> Iterator[Statement]:
    for noun in _NOUNS:
        yield Statement("there", noun)
        yield Statement("held", noun)
        yield from (Statement("in", noun, place) for place in PLACES)
        yield from (Statement("on", noun, "", base) for base in _NOUNS if base.shape == "block")
        yield from (Statement("side", noun, side, mark) for side in SIDES for mark in LANDMARKS)
    yield from (Statement("side", a, side, b) for a, b, side in product(_PAIRS, _PAIRS, SIDES) if a != b)
    for shape, count in product(SHAPES, range(1, _MOST_COUNTED + 1)):
        yield Statement("count", Noun(shape), str(count))
    yield from (Statement("contents", None, state, c) for state in _STATES["contents"] for c in CONTAINERS)
    yield from (Statement("drawer", None, state) for state in _STATES["drawer"])
    yield from (Statement("gripper", None, state) for state in _STATES["gripper"])


STATEMENTS: Final[tuple[Statement, ...]] = tuple(_everything())
NUMBER: Final[dict[Statement, int]] = {statement: i for i, statement in enumerate(STATEMENTS)}
"""The place of each statement in :data:`STATEMENTS`."""


def judge(facts: Facts) -> tuple[set[Statement], set[Statement]]:
    """What is plainly true of a scene, and what might be.

    Returns:
        The true statements, and those that are true or unclear; all others are plainly false.
    """
    true: set[Statement] = set()
    unclear: set[Statement] = set()
    for item in facts.items:
        for noun in _nouns(item):
            true.add(Statement("there", noun))
            if item.place == "gripper":
                true.add(Statement("held", noun))
            _judge_place(item, noun, true, unclear)
        for side, mark, clear in _sides(item, facts):
            nouns = _nouns(item) if isinstance(mark, str) else _nouns(item)[:1]
            (true if clear else unclear).update(Statement("side", noun, side, mark) for noun in nouns)
        if item.on is not None:
            bases = _nouns(facts.item(item.on))
            true.update(Statement("on", noun, "", base) for noun in _nouns(item) for base in bases)
    _judge_counts(facts, true)
    _judge_states(facts, true, unclear)
    true &= NUMBER.keys()
    return true, true | (unclear & NUMBER.keys())


def table_of(scenes: Iterable[Facts]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The verdicts of :func:`judge` as packed bits, two arrays (N, V / 8): true, and true or unclear."""
    true, possible = [], []
    for facts in scenes:
        for rows, statements in zip((true, possible), judge(facts), strict=True):
            bits = np.zeros(len(STATEMENTS), np.bool_)
            bits[[NUMBER[statement] for statement in statements]] = True
            rows.append(np.packbits(bits))
    width = -(-len(STATEMENTS) // 8)
    return np.array(true, np.uint8).reshape(-1, width), np.array(possible, np.uint8).reshape(-1, width)


@cache
def changes(statement: Statement) -> dict[str, tuple[Statement, ...]]:
    """Statements that differ in exactly one attribute, by the attribute of :data:`ATTRIBUTES`."""
    found: dict[str, list[Statement]] = {name: [] for name in ATTRIBUTES}
    for role in ("subject", "landmark"):
        noun = getattr(statement, role)
        if not isinstance(noun, Noun):
            continue
        shapes = [s for s in SHAPES if s != noun.shape]
        found["shape"] += [replace(statement, **{role: replace(noun, shape=s)}) for s in shapes]
        if noun.colour is not None:
            colours = [c for c in COLOUR_NAMES if c != noun.colour]
            found["colour"] += [replace(statement, **{role: replace(noun, colour=c)}) for c in colours]
    if statement.kind == "side":
        found["relation"].append(replace(statement, value=_OPPOSITE[statement.value]))
    elif statement.kind == "in":
        found["container"] += [
            replace(statement, value=place) for place in PLACES if place != statement.value
        ]
    elif statement.kind in _STATES:
        states = _STATES[statement.kind]
        found["state"] += [replace(statement, value=state) for state in states if state != statement.value]
    return {name: tuple(s for s in group if s in NUMBER) for name, group in found.items()}


def _nouns(item: Item) -> tuple[Noun, ...]:
    """Ways to name a thing, the most telling first."""
    plain = Noun(item.shape)
    return (plain,) if item.colour is None else (Noun(item.shape, item.colour), plain)


def _judge_place(item: Item, noun: Noun, true: set[Statement], unclear: set[Statement]) -> None:
    if item.place in PLACES:
        true.add(Statement("in", noun, item.place))
        if item.place not in CONTAINERS:
            true.add(Statement("in", noun, "table"))
        unclear.update(Statement("in", noun, place) for place in item.near)
    elif item.place == "":
        unclear.update(Statement("in", noun, place) for place in PLACES)
    elif item.place == "stack":
        unclear.add(Statement("in", noun, "table"))


def _sides(item: Item, facts: Facts) -> Iterator[tuple[str, Noun | str, bool]]:
    """Each side of each landmark on which the thing is or might be, with whether that is clear."""
    marks: list[tuple[Noun | str, tuple[float, float, float], bool]] = [
        (name, facts.fixtures[name], True) for name in LANDMARKS if name in facts.fixtures
    ]
    marks += [
        (_nouns(other)[0], other.position_m, other.row != facts.held)
        for other in facts.items
        if other.row != item.row
    ]
    for mark, at, steady in marks:
        for side, (axis, sign) in SIDES.items():
            offset_m = sign * (item.position_m[axis] - at[axis])
            # A thing in the air is seen elsewhere than it is.
            sure = steady and item.row != facts.held
            if offset_m > 0 or not sure:
                yield side, mark, sure and offset_m > _CLEAR_M


def _judge_counts(facts: Facts, true: set[Statement]) -> None:
    for shape in SHAPES:
        count = sum(item.shape == shape for item in facts.items)
        true.add(Statement("count", Noun(shape), str(count)))


def _judge_states(facts: Facts, true: set[Statement], unclear: set[Statement]) -> None:
    true.add(Statement("gripper", None, "empty" if facts.held is None else "full"))
    if facts.drawer == "ajar":
        unclear.update(Statement("drawer", None, state) for state in _STATES["drawer"])
    elif facts.drawer is not None:
        true.add(Statement("drawer", None, facts.drawer))
    for container in CONTAINERS:
        if container not in facts.fixtures:
            continue
        both = {state: Statement("contents", None, state, container) for state in _STATES["contents"]}
        hidden = container == "drawer" and facts.drawer != "open"
        if hidden:
            unclear.update(both.values())
        elif any(item.place == container for item in facts.items):
            true.add(both["full"])
        elif any(item.place == "" for item in facts.items):
            unclear.update(both.values())
        else:
            true.add(both["empty"])
