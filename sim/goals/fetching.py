"""Goals about the drawer: it has to be opened before anything goes in or comes out."""

from __future__ import annotations

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.goals.symbols import names_of
from sim.tasks.stack import STACKABLE
from vla.planner.desire import Drawer, In, On
from vla.planner.symbols import name_order


def _fetch(table: GoalTable) -> Drawn:
    table.cabinet()
    row = table.one(place="drawer")
    table.fill()
    return Drawn({"x": table.name(row)}, (In(row, "table"),))


def _fetch_and_close(table: GoalTable) -> Drawn:
    drawn = _fetch(table)
    return Drawn(drawn.words, (*drawn.desire, Drawer("closed")))


def _fetch_to(table: GoalTable) -> Drawn:
    table.cabinet()
    place = table.pick(("bowl", "tray"))
    table.fixture(place)
    row = table.one(place="drawer")
    table.fill()
    return Drawn({"x": table.name(row), "p": place}, (In(row, place),))


def _fetch_to_and_close(table: GoalTable) -> Drawn:
    drawn = _fetch_to(table)
    return Drawn(drawn.words, (*drawn.desire, Drawer("closed")))


def _fetch_onto(table: GoalTable) -> Drawn:
    table.cabinet()
    row = table.one(STACKABLE, place="drawer")
    base = table.one(("block",))
    table.fill()
    return Drawn({"x": table.name(row), "y": table.name(base)}, (On(row, base),))


def _store(table: GoalTable) -> Drawn:
    table.cabinet()
    row = table.one()
    table.fill()
    return Drawn({"x": table.name(row)}, (In(row, "drawer"),))


def _store_and_close(table: GoalTable) -> Drawn:
    drawn = _store(table)
    return Drawn(drawn.words, (*drawn.desire, Drawer("closed")))


def _empty(table: GoalTable) -> Drawn:
    """Its drawer is open: nobody can see into a closed one."""
    table.cabinet("open")
    rows = table.some(table.pick((1, 2)), place="drawer")
    table.fill()
    return Drawn({}, tuple(In(row, "table") for row in name_order(rows, names_of(table))))


TEMPLATES = (
    Template(
        "fetch",
        "fetch",
        (
            "(bring|fetch|get|give) me {x} from the drawer",
            "take {x} out of the drawer",
            "(get|fetch|remove) {x} from the drawer",
            "{x} is in the drawer; (bring it to me|take it out)",
        ),
        ("i need {x}, which is in the drawer", "retrieve {x} from inside the drawer"),
        _fetch,
    ),
    Template(
        "fetch_close",
        "fetch",
        (
            "(bring|fetch|get) me {x} from the drawer and (close|shut) the drawer",
            "take {x} out of the drawer and close it (again|afterwards)",
            "(get|fetch) {x} from the drawer, then (shut|close) it",
        ),
        (
            "i need {x} from the drawer, and leave the drawer shut",
            "take {x} out and do not leave the drawer open",
        ),
        _fetch_and_close,
    ),
    Template(
        "fetch_to",
        "fetch",
        (
            "take {x} (out of|from) the drawer and put it (in|into) {p}",
            "(move|bring|carry) {x} from the drawer to {p}",
            "{x} is in the drawer but belongs in {p}",
        ),
        ("{p} is where {x} from the drawer should go", "transfer {x} out of the drawer into {p}"),
        _fetch_to,
    ),
    Template(
        "fetch_to_close",
        "fetch",
        (
            "take {x} (out of|from) the drawer, put it (in|into) {p} and (close|shut) the drawer",
            "(move|bring) {x} from the drawer to {p}, then (close|shut) the drawer",
        ),
        (
            "{x} goes from the drawer into {p}; shut the drawer when done",
            "bring {x} from the drawer to {p} and close up",
        ),
        _fetch_to_and_close,
    ),
    Template(
        "fetch_onto",
        "fetch",
        (
            "take {x} (out of|from) the drawer and (put|stack) it on {y}",
            "(stack|put) {x}, which is in the drawer, on {y}",
        ),
        ("get {x} from the drawer and set it on top of {y}", "{y} should carry {x}, which is in the drawer"),
        _fetch_onto,
        held_out=True,
    ),
    Template(
        "store",
        "fetch",
        (
            "(put|place|stow|store) {x} (in|into|inside) the drawer",
            "{x} (goes|belongs) in the drawer",
            "put {x} away in the drawer",
        ),
        ("let {x} disappear into the drawer", "the drawer is the place for {x}"),
        _store,
    ),
    Template(
        "store_close",
        "fetch",
        (
            "(put|place|stow) {x} (in|into) the drawer and (close|shut) it",
            "(put|lock) {x} away in the drawer and (close|shut) the drawer",
            "{x} (goes|belongs) in the drawer, which must be closed (afterwards|in the end)",
        ),
        ("shut {x} away in the drawer", "i want {x} inside the closed drawer"),
        _store_and_close,
    ),
    Template(
        "empty_drawer",
        "fetch",
        (
            "empty the drawer",
            "take (everything|all things) out of the drawer",
            "(clear|unload) the drawer",
        ),
        ("the drawer should be empty", "get all the things out of the drawer"),
        _empty,
    ),
)
