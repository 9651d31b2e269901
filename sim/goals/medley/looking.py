"""Questions about colours, places and sides, each with one short answer.

What is in the bowl or on the tray is never asked as such: that is held out.
"""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn
from sim.goals.laying import GoalTable
from sim.goals.medley.asking import question, the, yes
from sim.goals.medley.referring import DIRECTIONS, apart, referring_named
from sim.goals.medley.wording import called, say
from sim.layout import CORNERS, NoRoomError
from sim.objects import SHAPES
from vla.planner.grammar import Answer


def _colour_of(table: GoalTable) -> Drawn:
    """The colour of what is called by its place."""
    names = ("bowl", "tray", "zone", "corner", "top", "cover", "end", "drawer", "under")
    how = referring_named(table.pick(names))
    if how.fixture == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
    if how.fixture:
        table.fixture(how.fixture)
    found = how.lay(table, how.shapes)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words}, saying=Answer(table.name(found.row).split()[0]))


def _in_station(table: GoalTable) -> Drawn:
    """The zone, a corner or the open drawer: what is in there."""
    place = table.pick(("zone", "drawer", "corner"))
    if place == "corner":
        table.maybe_cabinet()
        place = table.pick(table.corners)
        table.reserve(*CORNERS[place], 0.05)
    elif place == "drawer":
        table.cabinet("open")
    else:
        table.fixture("zone")
    answer = the(table, table.one(place=place)) if table.chance(0.65) else Answer("nothing")
    table.one()
    table.fill()
    return Drawn({"p": place}, saying=answer)


def _besides(table: GoalTable) -> Drawn:
    """What else is on the tray or in the open drawer."""
    place = table.pick(("tray", "drawer"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.fixture("tray")
    rows = table.some(table.pick((1, 2, 2)), place=place)
    table.fill()
    answer = the(table, rows[1]) if len(rows) > 1 else Answer("nothing")
    words = {"x": table.name(rows[0]), "p": say(table, "on {p}" if place == "tray" else "in {p}", p=place)}
    return Drawn(words, saying=answer)


def _at_end(table: GoalTable) -> Drawn:
    """Which of several of a shape is furthest in a direction."""
    table.maybe_cabinet()
    how = referring_named("end")
    found = how.lay(table, SHAPES)
    table.fill(avoid=found.avoid)
    return Drawn({"x": found.words}, saying=the(table, found.row))


def _which_side(table: GoalTable) -> Drawn:
    """Of two named things the one that is further in a direction."""
    table.maybe_cabinet()
    x, y = table.some(2)
    direction = table.pick(tuple(DIRECTIONS))
    first = apart(table, (x, y), direction)[0]
    table.fill()
    side = {"left": "further left", "right": "further right", "near": "(nearer to me|further in front)",
            "far": "(further away|further at the back)"}[direction]  # fmt: skip
    words = {"x": table.name(x), "y": table.name(y), "w": say(table, side)}
    return Drawn(words, saying=the(table, first))


def _beside(table: GoalTable) -> Drawn:
    """Whether one thing is right of, in front of or behind another."""
    table.maybe_cabinet()
    x, y = table.some(2)
    direction = table.pick(("right", "near", "far"))
    holds = apart(table, (x, y), direction)[0] == x
    table.fill()
    side = {"right": "(right|to the right) of", "near": "(in front of|nearer than)",
            "far": "(behind|further away than)"}[direction]  # fmt: skip
    return Drawn({"x": table.name(x), "y": table.name(y), "w": say(table, side)}, saying=yes(holds))


def _same_place(table: GoalTable) -> Drawn:
    """Where something is that is called by its colour or shape alone."""
    how = referring_named(table.pick(("colour", "shape")))
    place = table.pick(("bowl", "tray", "table", "drawer", "corner", "block"))
    if place == "drawer":
        table.cabinet("open")
    else:
        table.maybe_cabinet()
    if place in ("bowl", "tray"):
        table.fixture(place)
    if place == "corner":
        place = table.pick(table.corners)
        table.reserve(*CORNERS[place], 0.05)
    base = table.one(("block",)) if place == "block" else -1
    row = table.stacked(base, ("star", "cylinder")) if base >= 0 else table.one(place=place)
    colour, shape = table.name(row).split()
    word = colour if how.name == "colour" else shape
    if any(word in table.name(other).split() for other in table.things if other != row):
        raise NoRoomError
    table.fill(avoid=(word,), without=("zone",))
    at = (
        f"the {place} corner"
        if place in CORNERS
        else f"the {place}"
        if base < 0
        else f"the {table.name(base)}"
    )
    preposition = "in" if place in ("bowl", "drawer") or place in CORNERS else "on"
    said = say(table, "the (only|) {c} (thing|object)", c=colour) if word == colour else f"the {shape}"
    return Drawn({"x": said}, saying=Answer(f"{preposition} {at}"))


def _alike(table: GoalTable) -> Drawn:
    """Whether two things called by their shapes have one colour."""
    table.maybe_cabinet()
    a, b = (str(shape) for shape in table.rng.permutation(SHAPES)[:2])
    x = table.one((a,))
    colour = table.name(x).split()[0]
    same = table.chance(0.5)
    y = table.one((b,), (colour,)) if same else table.one((b,))
    table.fill(avoid=(a, b))
    return Drawn({"a": a, "b": b}, saying=yes(table.name(y).split()[0] == colour))


def _like(table: GoalTable) -> Drawn:
    """The other thing of the same colour."""
    table.maybe_cabinet()
    x = table.one()
    colour = table.name(x).split()[0]
    y = table.one(colours=(colour,))
    table.fill(avoid=(colour,))
    return Drawn({"x": called(table, x)}, saying=the(table, y))


TEMPLATES: Final = (
    question(
        "colour_of_unnamed",
        _colour_of,
        "what colour (is|has) {x}?",
        "which is the colour of {x}?",
        "(name|tell me) the colour of {x}",
        "{x}: which colour?",
        "in what colour is {x}?",
        "{x} has which colour?",
        "(look at|have a look at) {x} and (name|tell me) its colour",
    ),
    question(
        "what_is_in_station",
        _in_station,
        "what is in {p}?",
        "which thing (is|stands|lies) in {p}?",
        "what (can you find|do you find) in {p}?",
        "(tell me|say) what is in {p}",
        "does anything lie in {p}, and what is it?",
        "{p}: what is in there?",
    ),
    question(
        "what_else_is_in",
        _besides,
        "what is {p} (besides|apart from|except|other than) {x}?",
        "what else is {p}, next to {x}?",
        "{x} is {p}; what else?",
        "which other thing is {p}, besides {x}?",
        "(tell me|say) what is {p} apart from {x}",
        "is there something {p} with {x}, and what is it?",
    ),
    question(
        "which_is_at_the_end",
        _at_end,
        "(what|which thing) is {x}?",
        "(name|tell me) {x}",
        "what would you call {x}?",
        "{x}: what is it?",
        "(look at|have a look at) {x}: what is it?",
        "(say|tell me) what {x} is",
    ),
    question(
        "which_is_further",
        _which_side,
        "which is {w}: {x} or {y}?",
        "{x} or {y}: which one is {w}?",
        "which of {x} and {y} is {w}?",
        "(say|tell me) which is {w}, {x} or {y}",
        "is it {x} or {y} that is {w}?",
        "of {x} and {y}, which one stands {w}?",
    ),
    question(
        "is_beside",
        _beside,
        "is {x} {w} {y}?",
        "does {x} stand {w} {y}?",
        "(say|tell me) whether {x} is {w} {y}",
        "do you see {x} {w} {y}?",
        "would you find {x} {w} {y}?",
        "is it true that {x} stands {w} {y}?",
    ),
    question(
        "where_is_unnamed",
        _same_place,
        "where is {x}?",
        "where (can i find|do you see) {x}?",
        "in what place is {x}?",
        "(say|tell me) where {x} is",
        "{x}: where is it?",
        "what is the place of {x}?",
    ),
    question(
        "same_colour",
        _alike,
        "do the {a} and the {b} have the same colour?",
        "are the {a} and the {b} of one colour?",
        "has the {a} the colour of the {b}?",
        "is the {a} coloured like the {b}?",
        "(say|tell me) whether the {a} and the {b} are alike in colour",
        "do the colours of the {a} and the {b} match?",
    ),
    question(
        "which_has_its_colour",
        _like,
        "which other thing has the colour of {x}?",
        "what has the same colour as {x}?",
        "(name|tell me) the thing that is coloured like {x}",
        "which thing matches {x} in colour?",
        "{x} shares its colour with which thing?",
        "what else has the colour that {x} has?",
    ),
)
"""Questions that looking answers."""
