"""Which things on a table a sentence is about, and whether something is true of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from vla.planner.desire import Held, In
from vla.planner.meaning import Condition, Things, Trait
from vla.planner.sayings import FIXTURES, NAMES, SHAPES, Refusal
from vla.planner.seen_table import SeenTable
from vla.planner.symbols import TABLE, name_order

_AXES: Final = {"leftmost": (0, -1), "rightmost": (0, 1), "nearest": (1, 1), "farthest": (1, -1)}
"""Superlative to the axis of a cell and its sign."""


_EACH: Final[dict[str, Callable[[Iterable[bool]], bool]]] = {"the": all, "every": all, "any": any}


class RefusedError(Exception):
    """It cannot be done; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def matching(things: Things, table: SeenTable) -> list[int]:
    """Rows that a description fits, in the order of their names' lists."""
    state = table.state
    words = {*things.noun.words.split()} - {"thing"}
    rows = [row for row, name in state.names.items() if words <= {*name.split()}]
    if things.trait is not None:
        rows = _with_trait(rows, things.trait, table)
    left_out = {row for other in things.but for row in matching(other, table)}
    return name_order((row for row in rows if row not in left_out), state.names)


def one(things: Things, table: SeenTable) -> int:
    """The row that is meant by a description of one thing.

    Raises:
        RefusedError: there is none, or more than one.
    """
    rows = matching(things, table)
    if not rows:
        raise RefusedError(missing(things, table))
    if len(rows) > 1 and things.which == "the":
        names = {table.state.names[row] for row in rows}
        if len(names) == 1:
            raise RefusedError(Refusal("ambiguous", names.pop()))
        if things.noun.shape in SHAPES and things.noun.colour == "":
            raise RefusedError(Refusal("ambiguous", things.noun.shape))
    return rows[0]


def missing(things: Things, table: SeenTable) -> Refusal:
    """Why a description fits nothing."""
    words, trait = things.noun.words, things.trait
    if trait is not None:
        if trait.place in FIXTURES and trait.place not in table.state.fixtures:
            return Refusal("missing", trait.place)
        if trait.place == "drawer" and words in NAMES:
            return Refusal("elsewhere", words)
        if trait.other is not None and not _others(trait.other, table):
            return missing(trait.other, table)
    return Refusal("missing", words) if words in (*NAMES, *SHAPES, *FIXTURES) else Refusal("unknown")


def _others(things: Things, table: SeenTable) -> list[int | str]:
    """Rows, or the fixture, that a plain description fits."""
    if things.noun.shape in FIXTURES:
        return [things.noun.shape] if things.noun.shape in table.state.fixtures else []
    return list(matching(things, table))


def _with_trait(rows: list[int], trait: Trait, table: SeenTable) -> list[int]:
    state, kind = table.state, trait.kind
    if kind == "inside":
        return [row for row in rows if _inside(row, trait.place, table)]
    if kind in _AXES:
        return _extreme(rows, kind, table)
    if kind in ("stacked", "topmost", "middle", "lowest"):
        return [row for row in rows if _in_tower(row, kind, table)]
    assert trait.other is not None
    others = _others(trait.other, table)
    match kind:
        case "upon":
            return [row for row in rows if state.where[row] in others]
        case "beneath":
            return [row for row in rows if state.on(row) in others]
        case "coloured like":
            colours = {state.colour(other) for other in others if isinstance(other, int)}
            return [row for row in rows if state.colour(row) in colours and row not in others]
        case "closest to":
            return _closest([row for row in rows if row not in others], others, table)
        case _:
            return [row for row in rows if _beside(row, others, kind, table)]


def _inside(row: int, place: str, table: SeenTable) -> bool:
    return Held(row).holds(table.state) if place == "hand" else In(row, place).holds(table.state)


def _in_tower(row: int, part: str, table: SeenTable) -> bool:
    state = table.state
    column = state.column(state.foot(row))
    if len(column) < 2:
        return False
    at = column.index(row)
    return {
        "stacked": True,
        "topmost": at == len(column) - 1,
        "lowest": at == 0,
        "middle": 0 < at < len(column) - 1,
    }[part]


def _place(thing: int | str, table: SeenTable) -> tuple[int, int] | None:
    return table.cell(thing) if isinstance(thing, int) else table.cells.get(thing)


def _extreme(rows: Iterable[int], kind: str, table: SeenTable) -> list[int]:
    axis, sign = _AXES[kind]
    found = {row: cell[axis] * sign for row in rows if (cell := table.cell(row)) is not None}
    return [max(found, key=lambda row: found[row])] if found else []


def _closest(rows: list[int], others: list[int | str], table: SeenTable) -> list[int]:
    targets = [cell for other in others if (cell := _place(other, table)) is not None]
    found = {
        row: min((cell[0] - to[0]) ** 2 + (cell[1] - to[1]) ** 2 for to in targets)
        for row in rows
        if targets and (cell := table.cell(row)) is not None
    }
    return [min(found, key=lambda row: found[row])] if found else []


def _beside(row: int | str, others: Iterable[int | str], kind: str, table: SeenTable) -> bool:
    mine = _place(row, table)
    for other in others:
        cell = _place(other, table)
        if mine is not None and cell is not None and other != row:
            return mine[0] < cell[0] if kind == "left of" else mine[0] > cell[0]
    return False


def true(condition: Condition, table: SeenTable) -> bool:
    """Whether a condition holds.

    Raises:
        RefusedError: it is about something that is not there.
    """
    return _TESTS[condition.kind](condition, table) != condition.negated


def number(things: Iterable[Things], table: SeenTable) -> int:
    """How many things, or fixtures, some descriptions fit."""
    return len({other for one_of in things for other in (_others(one_of, table))})


def _drawer(condition: Condition, table: SeenTable) -> bool:
    need_fixture("drawer", table)
    is_open = table.state.drawer != "closed"
    return is_open == (condition.state == "open")


def _button(condition: Condition, table: SeenTable) -> bool:
    need_fixture("button", table)
    return table.state.pressed


def _empty(condition: Condition, table: SeenTable) -> bool:
    if condition.place in FIXTURES:
        need_fixture(condition.place, table)
    return not any(_inside(row, condition.place, table) for row in table.state.names)


def _is(condition: Condition, table: SeenTable) -> bool:
    trait, things = condition.trait, condition.things[0]
    assert trait is not None
    if (name := things.noun.shape) in FIXTURES:
        need_fixture(name, table)
        need_others(trait, table)
        if trait.other is None or trait.kind not in ("left of", "right of"):
            return trait.place == TABLE
        return _beside(name, _others(trait.other, table), trait.kind, table)
    rows = _spoken_of(things, table)
    need_others(trait, table)
    one_of_all = trait.kind in (*_AXES, "closest to")
    fitting = _with_trait(list(table.state.names) if one_of_all else rows, trait, table)
    return _EACH[things.which](row in fitting for row in rows)


def _covered(condition: Condition, table: SeenTable) -> bool:
    things = condition.things[0]
    if (name := things.noun.shape) in FIXTURES:
        need_fixture(name, table)
        return any(_inside(row, name, table) for row in table.state.names)
    return _EACH[things.which](table.state.on(row) >= 0 for row in _spoken_of(things, table))


def _spoken_of(things: Things, table: SeenTable) -> list[int]:
    """The one row that is meant, or all that a description of several fits, if there are any."""
    rows = [] if things.which == "the" else matching(things, table)
    return rows or [one(things, table)]


def need_others(trait: Trait, table: SeenTable) -> None:
    """Raise RefusedError where what a trait is about is not there."""
    need_fixture(trait.place, table)
    if trait.other is not None and not _others(trait.other, table):
        raise RefusedError(missing(trait.other, table))


def need_fixture(name: str, table: SeenTable) -> None:
    """Raise RefusedError where a fixture is missing."""
    if name in FIXTURES and name not in table.state.fixtures:
        raise RefusedError(Refusal("missing", name))


_TESTS: Final[dict[str, Callable[[Condition, SeenTable], bool]]] = {
    "drawer": _drawer,
    "button": _button,
    "empty": _empty,
    "is": _is,
    "some": lambda c, table: number(c.things, table) > 0,
    "several": lambda c, table: number(c.things, table) > 1,
    "more": lambda c, table: number(c.things, table) > number(c.others, table),
    "same": lambda c, table: number(c.things, table) == number(c.others, table),
    "covered": _covered,
}
