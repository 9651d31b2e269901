"""From a wish about descriptions to a wish about names, on the table at the moment of speaking."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vla.planner.corners import nearest_corners
from vla.planner.meaning import THING, Deed, Noun, Things, Trait, Wish
from vla.planner.referents import RefusedError, matching, missing, need_fixture, one
from vla.planner.sayings import FIXTURES, SHAPES, Refusal
from vla.planner.seen_table import SeenTable
from vla.planner.symbols import CAPACITY, HELD, LOOSE, TABLE, name_order

NEEDS: Final = {"open": "drawer", "close": "drawer", "press": "button"}
"""Verb to the fixture that it needs."""
_STACKED: Final = Trait("stacked")


def settled(wish: Wish, table: SeenTable) -> Wish:
    """The same wish about names.

    Raises:
        RefusedError: it is about something that is not there, or that cannot be.
    """
    return replace(wish, deeds=tuple(one_of for deed in wish.deeds for one_of in _settled_deed(deed, table)))


def _settled_deed(deed: Deed, table: SeenTable) -> tuple[Deed, ...]:
    need_fixture(NEEDS.get(deed.verb, ""), table)
    for things in deed.things:
        _refuse_fixture(deed, things, table)
    match deed.verb:
        case "put":
            return _settled_put(deed, table)
        case "tidy":
            return _tidied(table)
        case "undo":
            rows = [
                row
                for row in matching(Things("every", Noun(THING), _STACKED), table)
                if _height(row, table) > 0
            ]
            return _put_names(sorted(rows, key=lambda row: -_height(row, table)), TABLE, table)
        case "flip":
            return _flipped(table)
        case "sort":
            return _sorted(deed, table)
        case "swap":
            assert deed.other is not None
            _refuse_fixture(deed, deed.other, table)
            return _swapped(one(deed.things[0], table), one(deed.other, table), table)
        case "stack":
            assert deed.other is not None
            if deed.other.noun.shape == "button":
                raise RefusedError(Refusal("unknown"))
            if deed.other.noun.shape in FIXTURES:
                return _settled_put(Deed("put", deed.things, deed.other.noun.shape), table)
            things, other = _named(deed.things[0], table), _named(deed.other, table)
            return (Deed("stack", things, other=other[0]),)
        case _:
            return (replace(deed, things=_named_all(deed.things, table)),)


def _refuse_fixture(deed: Deed, things: Things, table: SeenTable) -> None:
    """A fixture cannot be moved; asking what is on it or pointing at it is no skill."""
    if (name := things.noun.shape) in FIXTURES:
        need_fixture(name, table)
        raise RefusedError(Refusal("unknown") if deed.verb in ("reach", "clear") else Refusal("fixed", name))


def _settled_put(deed: Deed, table: SeenTable) -> tuple[Deed, ...]:
    for things in deed.things:
        if things.trait is not None and things.trait.place:
            need_fixture(things.trait.place, table)
    need_fixture(deed.place, table)
    hidden = tuple(things for things in deed.things if unseen(things, table))
    named = _named_all((things for things in deed.things if things not in hidden), table)
    return (Deed("put", (*hidden, *named), deed.place),) if hidden or named else ()


def all_in_drawer(things: Things) -> bool:
    """Whether a description is of all that is in the drawer."""
    return things.which == "every" and things.trait is not None and things.trait.place == "drawer"


def unseen(things: Things, table: SeenTable) -> bool:
    """All that is in a drawer that is not open: it has to be opened before anybody knows."""
    return all_in_drawer(things) and "drawer" in table.state.fixtures and table.state.drawer != "open"


def _named_all(things: Iterable[Things], table: SeenTable) -> tuple[Things, ...]:
    return tuple(named for one_of in things for named in _named(one_of, table))


def _named(things: Things, table: SeenTable) -> tuple[Things, ...]:
    """The same by names; "every star" stays as it is, as long as there is one."""
    if things.which != "every":
        return (_by_name(one(things, table), table),)
    rows = matching(things, table)
    if not rows and things.noun.shape in SHAPES:
        raise RefusedError(missing(things, table))
    if things.trait is None:
        # What is to be left out may not be there: it is left out then, too, if it turns up.
        but = tuple(
            named
            for other in things.but
            for named in (_named(other, table) if matching(other, table) else (other,))
        )
        return (replace(things, but=but),)
    return tuple(_by_name(row, table) for row in rows)


def _by_name(row: int, table: SeenTable) -> Things:
    colour, shape = table.state.names[row].split()
    return Things("the", Noun(shape, colour))


def _put_names(rows: Iterable[int], place: str, table: SeenTable) -> tuple[Deed, ...]:
    things = tuple(_by_name(row, table) for row in rows)
    return (Deed("put", things, place),) if things else ()


def _height(row: int, table: SeenTable) -> int:
    return table.state.column(table.state.foot(row)).index(row)


def _tidied(table: SeenTable) -> tuple[Deed, ...]:
    """What lies about goes on the tray, then into the drawer, then the bowl; an open drawer is closed."""
    state = table.state
    rows = name_order(
        (row for row, at in state.where.items() if at in (*LOOSE, HELD) or isinstance(at, int)), state.names
    )
    places = [name for name in ("tray", "drawer", "bowl") if name in state.fixtures]
    if rows and not places:
        raise RefusedError(Refusal("missing", "tray"))
    deeds: tuple[Deed, ...] = ()
    for place in places:
        room = len(rows) if place == places[-1] else CAPACITY[place] - len(state.inside(place))
        deeds, rows = (*deeds, *_put_names(rows[:room], place, table)), rows[room:]
    return (*deeds, Deed("close")) if "drawer" in state.fixtures else deeds


def _sorted(deed: Deed, table: SeenTable) -> tuple[Deed, ...]:
    """To the corners that are nearest; where that cannot be told, it is decided at every look anew."""
    if deed.corners:
        return (deed,)
    named = _named_all(deed.things, table)
    rows = [row for things in named for row in matching(things, table)]
    corners = nearest_corners(list(dict.fromkeys(rows)), table)
    pushable = all(table.state.shape(row) != "ball" for row in rows)
    if corners is None or not pushable:
        return (replace(deed, things=named),)
    names = tuple(_by_name(row, table) for row, _ in corners)
    return (Deed("sort", names, corners=tuple(corner for _, corner in corners)),)


def _flipped(table: SeenTable) -> tuple[Deed, ...]:
    state = table.state
    towers = [
        state.column(row) for row, at in state.where.items() if isinstance(at, str) and state.on(row) >= 0
    ]
    if not towers:
        return ()
    tower = [*reversed(towers[0])]
    return (*_put_names(tower[:1], TABLE, table), *_built(tower, table))


def _built(tower: Iterable[int], table: SeenTable) -> tuple[Deed, ...]:
    """Each on the one before it."""
    return tuple(
        Deed("stack", (_by_name(upper, table),), other=_by_name(lower, table))
        for lower, upper in itertools.pairwise(tower)
    )


def _swapped(x: int, y: int, table: SeenTable) -> tuple[Deed, ...]:
    """Each where the other is; what stands on either in the same tower comes along.

    Nothing brings a thing to another's spot on the bare table, but beside it from the drawer or a tower.
    """
    state = table.state
    where, foot = state.where, state.foot(x)
    if x != y and foot == state.foot(y):
        other = {x: y, y: x}
        tower = [other.get(row, row) for row in state.column(foot)]
        changed = min(tower.index(x), tower.index(y))
        put = _put_names(tower[:1], TABLE, table) if changed == 0 else ()
        return (*put, *_built(tower[max(changed - 1, 0) :], table))
    if HELD in (where[x], where[y]):
        raise RefusedError(Refusal("unknown"))
    for mine, yours in ((where[x], where[y]), (where[y], where[x])):
        if mine == TABLE and isinstance(yours, str) and yours != "drawer":
            raise RefusedError(Refusal("unknown"))
    if not _has_room(where[y], table) and _has_room(where[x], table):
        x, y = y, x
    return (*_to(x, where[y], table), *_to(y, where[x], table))


def _has_room(place: str | int, table: SeenTable) -> bool:
    return isinstance(place, str) and len(table.state.inside(place)) < CAPACITY.get(place, math.inf)


def _to(row: int, place: str | int, table: SeenTable) -> tuple[Deed, ...]:
    if isinstance(place, int):
        return (Deed("stack", (_by_name(row, table),), other=_by_name(place, table)),)
    return _put_names((row,), place, table)
