"""From what is meant to what should be true of this very table, or why it cannot be, or the answer.

In two steps, because the table changes while the arm works. *Settling* happens once, when somebody has just
spoken: "the leftmost block", "what is in the bowl", "if the drawer is open" are about the table at that
moment, and become names. *Wanting* happens at every look: the settled wish becomes predicates over what is
seen now; "every star" is still open to a star that comes into view later.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vla.planner.desire import Atom, Clear, Drawer, Held, In, On, Over, Pressed, Sorted, Tower
from vla.planner.meaning import (
    THING,
    Choice,
    Deed,
    Meaning,
    Noun,
    Question,
    Things,
    Trait,
    Unknown,
    Wish,
)
from vla.planner.means import StuckError, means
from vla.planner.referents import RefusedError, matching, missing, need_fixture, one, true
from vla.planner.sayings import (
    CORNERS,
    FIXTURES,
    NAMES,
    NUMBERS,
    SHAPES,
    Answer,
    Refusal,
    Saying,
)
from vla.planner.seen_table import SeenTable
from vla.planner.symbols import CAPACITY, LOOSE, TABLE, name_order

_NEEDS: Final = {"open": "drawer", "close": "drawer", "press": "button"}
_ROLLS: Final = "ball"
_STACKED: Final = Trait("stacked")


def settle(meaning: Meaning, table: SeenTable) -> Wish | Refusal | Answer:
    """What a meaning comes to on the table as it is now: a wish about names, or what to say instead."""
    try:
        match meaning:
            case Unknown():
                return Refusal("unknown")
            case Question():
                return Answer(_answer(meaning, table))
            case Choice(condition, wish, otherwise):
                return _settled(wish if true(condition, table) else otherwise, table)
            case Wish():
                return _settled(meaning, table)
    except RefusedError as error:
        return error.refusal


def plan_wish(wish: Wish, table: SeenTable) -> Saying:
    """What remains to be done about a settled wish, or why it cannot be done.

    Raises:
        StuckError: there is no way from here, and no words for why.
    """
    try:
        for deed in wish.deeds:
            _possible(deed, table)
        atoms = [atom for deed in wish.deeds for atom in _wanted(deed, table)]
        _room_for(atoms, table)
        return means(atoms, table.state, wish.ordered)
    except RefusedError as error:
        return error.refusal
    except StuckError as error:
        if error.refusal is None:
            raise
        return error.refusal


def say(meaning: Meaning, table: SeenTable) -> Saying:
    """Both steps at once.

    Raises:
        StuckError: see :func:`plan_wish`.
    """
    settled = settle(meaning, hinted(meaning, table))
    return plan_wish(settled, hinted(meaning, table)) if isinstance(settled, Wish) else settled


def hinted(meaning: Meaning, table: SeenTable) -> SeenTable:
    """The table with what a sentence says lies in the drawer, where a closed drawer hides it."""
    if (
        "drawer" not in table.state.fixtures
        or table.state.drawer != "closed"
        or not isinstance(meaning, Wish)
    ):
        return table
    for deed in meaning.deeds:
        for things in (*deed.things, *filter(None, (deed.other,))):
            trait, words = things.trait, things.noun.words
            told = trait is not None and trait.place == "drawer" and words in NAMES
            if told and not matching(Things("the", things.noun), table):
                table = table.with_hidden(words)
    return table


def _settled(wish: Wish, table: SeenTable) -> Wish:
    return replace(wish, deeds=tuple(one_of for deed in wish.deeds for one_of in _settled_deed(deed, table)))


def _settled_deed(deed: Deed, table: SeenTable) -> tuple[Deed, ...]:
    need_fixture(_NEEDS.get(deed.verb, ""), table)
    for things in deed.things:
        _refuse_fixture(deed, things, table)
    match deed.verb:
        case "put":
            return _settled_put(deed, table)
        case "tidy":
            return _tidied(table)
        case "undo":
            rows = matching(Things("every", Noun(THING), _STACKED), table)
            return _put_names(sorted(rows, key=lambda row: -_height(row, table)), TABLE, table)
        case "flip":
            return _flipped(table)
        case "swap":
            assert deed.other is not None
            _refuse_fixture(deed, deed.other, table)
            return _swapped(one(deed.things[0], table), one(deed.other, table), table)
        case "stack":
            assert deed.other is not None
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
    hidden = [things for things in deed.things if _unseen(things, table)]
    opened = (Deed("open"),) if hidden else ()
    named = _named_all((things for things in deed.things if things not in hidden), table)
    return (*opened, *((Deed("put", named, deed.place),) if named else ()))


def _unseen(things: Things, table: SeenTable) -> bool:
    """All that is in a drawer that is closed: it has to be opened before anybody knows."""
    in_drawer = things.which == "every" and things.trait is not None and things.trait.place == "drawer"
    return in_drawer and table.state.drawer == "closed" and not matching(things, table)


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
        but = tuple(named for other in things.but for named in _named(other, table))
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
    """What lies about goes on the tray, or in the drawer where there is no tray; an open drawer is closed."""
    state = table.state
    place = next((name for name in ("tray", "drawer", "bowl") if name in state.fixtures), "")
    rows = [row for row, at in state.where.items() if at in LOOSE or isinstance(at, int)]
    deeds = _put_names(name_order(rows, state.names), place, table) if place else ()
    return (*deeds, Deed("close")) if "drawer" in state.fixtures else deeds


def _flipped(table: SeenTable) -> tuple[Deed, ...]:
    state = table.state
    towers = [
        state.column(row) for row, at in state.where.items() if isinstance(at, str) and state.on(row) >= 0
    ]
    if not towers:
        return ()
    tower = [*reversed(towers[0])]
    stacked = (
        Deed("stack", (_by_name(upper, table),), other=_by_name(lower, table))
        for lower, upper in itertools.pairwise(tower)
    )
    return (*_put_names(tower[:1], TABLE, table), *stacked)


def _swapped(x: int, y: int, table: SeenTable) -> tuple[Deed, ...]:
    """Each where the other is; of two in a tower, the lower on the upper."""
    where = table.state.where
    if where[x] == y or where[y] == x:
        upper, lower = (x, y) if where[x] == y else (y, x)
        on = Deed("stack", (_by_name(lower, table),), other=_by_name(upper, table))
        return (*_put_names((upper,), TABLE, table), on)
    if where[x] == where[y] == TABLE:
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


def _possible(deed: Deed, table: SeenTable) -> None:
    """Raise RefusedError where physics, or the cabinet, is against it."""
    need_fixture(_NEEDS.get(deed.verb, deed.place), table)
    match deed.verb:
        case "put":
            if deed.place in CORNERS and "right" in deed.place and "drawer" in table.state.fixtures:
                raise RefusedError(Refusal("blocked", deed.place))
            if deed.place in ("zone", *CORNERS):
                _refuse_ball(deed.things, table)
        case "stack":
            assert deed.other is not None
            top, base = one(deed.things[0], table), one(deed.other, table)
            if table.state.shape(base) != "block":
                raise RefusedError(Refusal("unstable", table.state.names[base]))
            if table.state.shape(top) == _ROLLS:
                raise RefusedError(Refusal("rolls", table.state.names[top]))
        case "pile":
            _refuse_ball(deed.things, table)
        case _:
            pass


def _refuse_ball(things: Iterable[Things], table: SeenTable) -> None:
    for one_of in things:
        if one_of.noun == Noun(_ROLLS):
            raise RefusedError(Refusal("rolls", _ROLLS))
        for row in matching(one_of, table):
            if table.state.shape(row) == _ROLLS:
                raise RefusedError(Refusal("rolls", table.state.names[row]))


def _rows(deed: Deed, table: SeenTable) -> list[int]:
    found: list[int] = []
    for things in deed.things:
        rows = matching(things, table) if things.which == "every" else [one(things, table)]
        found += [row for row in rows if row not in found]
    return found


def _wanted(deed: Deed, table: SeenTable) -> list[Atom]:
    match deed.verb:
        case "put":
            return [In(row, deed.place) for row in _rows(deed, table)]
        case "stack":
            assert deed.other is not None
            return [On(one(deed.things[0], table), one(deed.other, table))]
        case "hold":
            return [Held(row) for row in _rows(deed, table)]
        case "reach":
            return [Over(row) for row in _rows(deed, table)]
        case "clear":
            return [Clear(row) for row in _rows(deed, table)]
        case "pile":
            return [Tower(tuple(_rows(deed, table)))]
        case "sort":
            return [Sorted(tuple(_rows(deed, table)))]
        case "open" | "close":
            return [Drawer("open" if deed.verb == "open" else "closed")]
        case _:
            return [Pressed()]


def _room_for(atoms: Iterable[Atom], table: SeenTable) -> None:
    """Raise RefusedError where more is wanted in a place than it holds."""
    wanted: dict[str, int] = {}
    for atom in atoms:
        if isinstance(atom, In):
            wanted[atom.place] = wanted.get(atom.place, 0) + 1
    for place, count in wanted.items():
        if count > CAPACITY.get(place, count):
            raise RefusedError(Refusal("blocked", place) if place in CORNERS else Refusal("full", place))


def _answer(question: Question, table: SeenTable) -> str:
    match question.kind:
        case "ask":
            assert question.condition is not None
            return "yes" if true(question.condition, table) else "no"
        case "count":
            rows = {row for things in question.things for row in matching(things, table)}
            return NUMBERS[min(len(rows), len(NUMBERS) - 1)]
        case "name":
            rows = matching(question.things[0], table)
            return f"the {table.state.names[rows[0]]}" if rows else "nothing"
        case "colour":
            return table.state.colour(one(question.things[0], table))
        case _:
            return _place_words(one(question.things[0], table), table)


def _place_words(row: int, table: SeenTable) -> str:
    at = table.state.where[row]
    if isinstance(at, int):
        return f"on the {table.state.names[at]}"
    if at in CORNERS:
        return f"in the {at} corner"
    return f"{'in' if at in ('bowl', 'drawer', 'zone') else 'on'} the {at if at in FIXTURES else TABLE}"
