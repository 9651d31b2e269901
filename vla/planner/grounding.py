"""From what is meant to what should be true of this very table, or why it cannot be, or the answer.

In two steps, because the table changes while the arm works. *Settling* happens once, when somebody has just
spoken: "the leftmost block", "what is in the bowl", "if the drawer is open" are about the table at that
moment, and become names. *Wanting* happens at every look: the settled wish becomes predicates over what is
seen now; "every star" is still open to a star that comes into view later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vla.planner.corners import still_free
from vla.planner.desire import Atom, Clear, Drawer, Held, In, On, Over, Pressed, Sorted, Tower, lasting
from vla.planner.meaning import (
    Choice,
    Deed,
    Meaning,
    Noun,
    Question,
    Things,
    Unknown,
    Wish,
)
from vla.planner.means import StuckError, means
from vla.planner.referents import (
    RefusedError,
    matching,
    need_fixture,
    need_others,
    number,
    one,
    true,
)
from vla.planner.sayings import (
    CORNERS,
    FIXTURES,
    NAMES,
    NUMBERS,
    Answer,
    Instructions,
    PlanError,
    Refusal,
    Saying,
    step_words,
)
from vla.planner.seen_table import SeenTable
from vla.planner.settling import NEEDS, all_in_drawer, settled, unseen
from vla.planner.symbols import CAPACITY, HELD, TABLE

_ROLLS: Final = "ball"


def settle(meaning: Meaning, table: SeenTable) -> Wish | Refusal | Answer:
    """What a meaning comes to on the table as it is now: a wish about names, or what to say instead."""
    try:
        match meaning:
            case Unknown():
                return Refusal("unknown")
            case Question():
                return Answer(_answer(meaning, table))
            case Choice(condition, wish, otherwise):
                return settle(wish if true(condition, table) else otherwise, table)
            case Wish():
                return settled(meaning, hinted(meaning, table))
    except RefusedError as error:
        return error.refusal


def pending(wish: Wish) -> bool:
    """Whether a settled wish still speaks of all that is in the drawer, because nobody could look into it.

    It is settled again once the drawer is open.
    """
    return any(all_in_drawer(things) for deed in wish.deeds for things in deed.things)


def plan_wish(wish: Wish, table: SeenTable, reached: int = 0) -> Saying:
    """What remains to be done about a settled wish, or why it cannot be done.

    Args:
        wish: Settled.
        table: As it is now.
        reached: How many of the deeds have been done already, one after another; they are kept up unless
            a later one undoes them: "open the drawer, put it in, close the drawer".

    Raises:
        StuckError: there is no way from here, and no words for why.
    """
    if any(unseen(things, table) for deed in wish.deeds for things in deed.things):
        return means([Drawer("open")], table.state)
    try:
        for deed in wish.deeds:
            _possible(deed, table)
        wanted = [_wanted(deed, table) for deed in wish.deeds]
        ordered = wish.ordered or sum(isinstance(atom, Over | Held) for atoms in wanted for atom in atoms) > 1
        atoms = list(lasting(wanted, reached if ordered else None))
        for together in wanted if ordered else (atoms,):
            _room_for(together, table)
        return _sayable(means(atoms, table.state, ordered))
    except RefusedError as error:
        return error.refusal
    except StuckError as error:
        if error.refusal is None:
            raise
        return error.refusal


def reached_by(wish: Wish, table: SeenTable, reached: int) -> int:
    """How many of a settled wish's deeds have been done, one after another, if so many had been before."""
    try:
        while reached < len(wish.deeds):
            if not all(atom.holds(table.state) for atom in _wanted(wish.deeds[reached], table)):
                break
            reached += 1
    except RefusedError:
        pass  # what it is about is not seen
    return reached


def _sayable(found: Instructions) -> Instructions:
    """The same, where a policy knows every one; what is seen may be impossible, such as a ball on a block."""
    for step in found.steps:
        try:
            step_words(step)
        except PlanError as error:
            raise StuckError(str(error)) from None
    return found


def say(meaning: Meaning, table: SeenTable) -> Saying:
    """Both steps at once.

    Raises:
        StuckError: see :func:`plan_wish`.
    """
    wish = settle(meaning, table)
    return plan_wish(wish, hinted(meaning, table)) if isinstance(wish, Wish) else wish


def hinted(meaning: Meaning, table: SeenTable) -> SeenTable:
    """The table with what a sentence says lies in the drawer, where a closed drawer hides it."""
    if "drawer" not in table.state.fixtures or table.state.drawer != "closed":
        return table
    match meaning:
        case Wish(deeds):
            pass
        case Choice(_, wish, otherwise):
            deeds = (*wish.deeds, *otherwise.deeds)
        case _:
            return table
    for deed in deeds:
        for things in (*deed.things, *filter(None, (deed.other,))):
            trait, words = things.trait, things.noun.words
            told = trait is not None and trait.place == "drawer" and words in NAMES
            if told and not matching(Things("the", things.noun), table):
                table = table.with_hidden(words)
    return table


def _possible(deed: Deed, table: SeenTable) -> None:
    """Raise RefusedError where physics, or the cabinet, is against it."""
    need_fixture(NEEDS.get(deed.verb, deed.place), table)
    match deed.verb:
        case "put":
            if deed.place in CORNERS and deed.place not in table.state.reachable_corners:
                raise RefusedError(Refusal("blocked", deed.place))
            if deed.place in ("zone", *CORNERS):
                _refuse_ball(deed.things, table)
        case "stack":
            assert deed.other is not None
            top, base = one(deed.things[0], table), one(deed.other, table)
            if top == base:
                raise RefusedError(Refusal("unknown"))
            if table.state.shape(base) != "block":
                raise RefusedError(Refusal("unstable", table.state.names[base]))
            if table.state.shape(top) == _ROLLS:
                raise RefusedError(Refusal("rolls", table.state.names[top]))
        case "pile":
            _refuse_ball(deed.things, table)
            loose = [row for row in _rows(deed, table) if table.state.shape(row) != "block"]
            if len(loose) > 1:
                raise RefusedError(Refusal("unstable", table.state.names[loose[0]]))
        case "sort":
            _refuse_ball(deed.things, table)
            _refuse_crowd(_rows(deed, table), table)
        case _:
            pass


def _refuse_crowd(rows: list[int], table: SeenTable) -> None:
    """Raise RefusedError where there are fewer corners than things to sort into them."""
    reachable = table.state.reachable_corners
    closed = [
        corner
        for corner in CORNERS
        if corner not in reachable or any(row not in rows for row in table.state.inside(corner))
    ]
    if len(rows) > len(CORNERS) - len(closed):
        raise RefusedError(Refusal("blocked", (*closed, *CORNERS)[0]))


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
            rows = tuple(_rows(deed, table))
            if not deed.corners or Sorted(rows).holds(table.state):
                return [Sorted(rows)]
            return [In(row, corner) for row, corner in still_free(rows, deed.corners, table)]
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
            if place == "zone":
                raise RefusedError(Refusal("unknown"))
            raise RefusedError(Refusal("blocked", place) if place in CORNERS else Refusal("full", place))


def _answer(question: Question, table: SeenTable) -> str:
    match question.kind:
        case "ask":
            assert question.condition is not None
            return "yes" if true(question.condition, table) else "no"
        case "count":
            return NUMBERS[min(number(question.things, table), len(NUMBERS) - 1)]
        case "name":
            rows = matching(question.things[0], table)
            if not rows and question.things[0].trait is not None:
                need_others(question.things[0].trait, table)
            return f"the {table.state.names[rows[0]]}" if rows else "nothing"
        case _ if question.things[0].noun.shape in FIXTURES:
            need_fixture(question.things[0].noun.shape, table)
            if question.kind == "colour":
                raise RefusedError(Refusal("unknown"))
            return f"on the {TABLE}"
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
    if at == HELD:
        return "in the hand"
    return f"{'in' if at in ('bowl', 'drawer', 'zone') else 'on'} the {at if at in FIXTURES else TABLE}"
