"""What a planner says it sees: a table in words, short enough to be said before every plan.

One clause per fixture and per thing, closed by a semicolon, the last by a full stop::

    bowl 4 7 ; drawer open ; red block table 12 3 ; blue ball bowl ; green star on red block .

Two numbers say where something stands, in cells of :data:`CELL_M`: the first grows to the right and the
second towards the viewer, as in the front camera's picture. What lies inside something, on something, or in a
named corner has no numbers of its own. The order is fixed: fixtures, then things by colour and shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vla.contract import ContractError
from vla.planner.grammar import CORNERS, FIXTURES, NAMES

CELL_M: Final = 0.03
LEFT_M, BACK_M = -0.36, 0.30
COLUMNS, ROWS = 24, 14
"""The cells' grid, and where it begins in the robot frame (y and x)."""
DRAWER_STATES: Final = ("open", "closed", "ajar")
CONTAINERS: Final = ("bowl", "tray", "drawer", "zone", *CORNERS, "hand")
"""Places that need no numbers."""
NOTHING: Final = "nothing"
_OVER = "hand over"

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SeenThing:
    """A thing on the table.

    Attributes:
        name: Such as ``"red block"``.
        place: ``"table"``, one of :data:`CONTAINERS`, or the name of the thing it stands on.
        cell: (column, row) where the place is ``"table"``, else None.
        twin: Another thing has the same name; place and cell then mean nothing and are ``""`` and None.
    """

    name: str
    place: str
    cell: Cell | None = None
    twin: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen.

    Attributes:
        fixtures: Fixture that stands there to its cell; None where that does not matter, as for the drawer.
        drawer: One of :data:`DRAWER_STATES`, or "" where no cabinet stands.
        pressed: The button looks pressed.
        things: In the order of :data:`vla.planner.grammar.NAMES`.
        over: Name of the thing that the hand points at from above, or "".
    """

    fixtures: dict[str, Cell | None]
    drawer: str = ""
    pressed: bool = False
    things: tuple[SeenThing, ...] = ()
    over: str = ""


def cell_of(x_m: float, y_m: float) -> Cell:
    """The cell of a point in the robot frame; what lies beyond the grid counts as its nearest cell."""
    column, row = int((y_m - LEFT_M) / CELL_M), int((x_m - BACK_M) / CELL_M)
    return min(max(column, 0), COLUMNS - 1), min(max(row, 0), ROWS - 1)


def format_seen(seen: Seen) -> str:
    """The words; :func:`parse_seen` is the inverse."""
    clauses = []
    for name in FIXTURES:
        if name not in seen.fixtures:
            continue
        words = [name]
        if name == "drawer":
            words.append(seen.drawer)
        elif name == "button" and seen.pressed:
            words.append("pressed")
        clauses.append(" ".join(words + _numbers(seen.fixtures[name])))
    clauses += [_clause(thing) for thing in seen.things]
    if seen.over:
        clauses.append(f"{_OVER} {seen.over}")
    return " ; ".join(clauses or [NOTHING]) + " ."


def _numbers(cell: Cell | None) -> list[str]:
    return [] if cell is None else [str(number) for number in cell]


def _clause(thing: SeenThing) -> str:
    if thing.twin:
        return f"{thing.name} twice"
    on = ["on"] if thing.place in NAMES else []
    return " ".join([thing.name, *on, thing.place, *_numbers(thing.cell)])


def parse_seen(text: str) -> Seen:
    """What the words say.

    Raises:
        ContractError: a clause is not of the form above; the message names it.
    """
    body, stop, rest = text.strip().partition(".")
    if not stop or rest:
        raise ContractError(f"{text!r} does not end with one full stop")
    fixtures: dict[str, Cell | None] = {}
    things: list[SeenThing] = []
    drawer, pressed, over = "", False, ""
    for clause in body.split(";"):
        words = clause.split()
        if words == [NOTHING]:
            continue
        if " ".join(words[:2]) == _OVER:
            over = _name(words[2:], clause)
            continue
        if words[:1] and words[0] in FIXTURES:
            name = words.pop(0)
            if name == "drawer":
                drawer = words.pop(0) if words else ""
                if drawer not in DRAWER_STATES:
                    raise ContractError(f"{clause.strip()!r}: a drawer is one of {', '.join(DRAWER_STATES)}")
            elif name == "button" and words[:1] == ["pressed"]:
                pressed = bool(words.pop(0))
            fixtures[name] = _cell(words, clause)
        else:
            things.append(_thing(words, clause))
    return Seen(fixtures, drawer, pressed, tuple(things), over)


def _thing(words: list[str], clause: str) -> SeenThing:
    name, rest = _name(words[:2], clause), words[2:]
    if rest == ["twice"]:
        return SeenThing(name, "", None, True)
    match = re.fullmatch(r"(?:on )?([a-z ]+?)((?: \d+)*)", " ".join(rest))
    place = match[1] if match else ""
    if place not in ("table", *CONTAINERS, *NAMES):
        raise ContractError(
            f"{clause.strip()!r}: {place!r} is no place; say one of table, {', '.join(CONTAINERS)}"
        )
    assert match is not None
    return SeenThing(name, place, _cell(match[2].split(), clause))


def _name(words: list[str], clause: str) -> str:
    if (name := " ".join(words)) not in NAMES:
        raise ContractError(f"{clause.strip()!r}: {name!r} is no fixture and no thing's name")
    return name


def _cell(words: list[str], clause: str) -> Cell | None:
    if not words:
        return None
    cells = {str(number): number for number in range(COLUMNS)}
    if len(words) != 2 or words[0] not in cells or cells.get(words[1], ROWS) >= ROWS:
        raise ContractError(
            f"{clause.strip()!r}: a place is two numbers, column below {COLUMNS} and row below {ROWS}"
        )
    return cells[words[0]], cells[words[1]]
