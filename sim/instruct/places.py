"""Questions about where things are and what fixtures hold."""

from __future__ import annotations

import numpy as np

from sim.instruct.question import Asked, Question, balanced, pick, rare, yes_no
from sim.instruct.scene import Scene, place_words
from sim.layout import CORNERS
from vla.planner.symbols import CAPACITY, HELD


def _where(scene: Scene, rng: np.random.Generator) -> Asked | None:
    rows = list(scene.placed)
    special = [row for row in rows if scene.where(row) != "on the table"]
    if not rows or (not special and not rare(rng)):
        return None
    row = pick(special if special and not rare(rng) else rows, rng)
    return Asked(scene.where(row), {"x": scene.name(row)})


def _there_at(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Whether a thing is in a place where something is."""
    places = sorted({scene.where(row) for row in scene.placed})
    yes = [(row, scene.where(row)) for row in scene.placed]
    no = [(row, place) for row in scene.placed for place in places if place != scene.where(row)]
    # In a corner or in the zone is on the table, too.
    no = [(row, place) for row, place in no if place != "on the table" or not scene.loose(row)]
    drawn = balanced(yes, no, rng)
    if drawn is None:
        return None
    (row, place), holds = drawn
    return Asked(yes_no(holds), {"x": scene.name(row), "p": place})


def _on(scene: Scene, rng: np.random.Generator) -> Asked | None:
    blocks = [row for row in scene.single if scene.state.shape(row) == "block"]
    drawn = balanced(*_split(scene, blocks), rng)
    if drawn is None and not (blocks and rare(rng)):
        return None
    row = drawn[0] if drawn else pick(blocks, rng)
    top = scene.state.on(row)
    return Asked("nothing" if top < 0 else scene.the(top), {"x": scene.name(row)})


def _split(scene: Scene, rows: list[int]) -> tuple[list[int], list[int]]:
    """Rows under something, and the others."""
    covered = [row for row in rows if scene.state.on(row) >= 0]
    return covered, [row for row in rows if row not in covered]


def _under(scene: Scene, rng: np.random.Generator) -> Asked | None:
    rows = [row for row in scene.placed if scene.state.where[row] not in (HELD, "zone")]
    high = [row for row in rows if not scene.loose(row)]
    if not rows or (not high and not rare(rng)):
        return None
    row = pick(high if high and not rare(rng) else rows, rng)
    at = scene.state.where[row]
    below = scene.the(at) if isinstance(at, int) else "the table" if scene.loose(row) else f"the {at}"
    return Asked(below, {"x": scene.name(row)})


def _contents(scene: Scene, rng: np.random.Generator, places: tuple[str, ...]) -> Asked | None:
    known = [p for p in places if p in scene.corners or (p not in CORNERS and p in scene.state.fixtures)]
    known = [place for place in known if scene.contents(place) is not None]
    full = [place for place in known if scene.contents(place)]
    if not known or (not full and not rare(rng)):
        return None
    place = pick(full if full and not rare(rng) else known, rng)
    return Asked(scene.listed(scene.contents(place) or ()), {"p": place_words(place)})


def _hand(scene: Scene, rng: np.random.Generator) -> Asked | None:
    held = [row for row in scene.seen if scene.state.where[row] == HELD]
    return Asked(scene.listed(held)) if held or rare(rng) else None


def _drawer_open(scene: Scene, rng: np.random.Generator) -> Asked | None:
    plain = "drawer" in scene.state.fixtures and scene.state.drawer != "ajar"
    return Asked(yes_no(scene.state.drawer == "open")) if plain else None


def _drawer_state(scene: Scene, rng: np.random.Generator) -> Asked | None:
    plain = "drawer" in scene.state.fixtures and scene.state.drawer != "ajar"
    return Asked(scene.state.drawer) if plain else None


def _pressed(scene: Scene, rng: np.random.Generator) -> Asked | None:
    if "button" not in scene.state.fixtures or not (scene.state.pressed or rare(rng)):
        return None
    return Asked(yes_no(scene.state.pressed))


def _empty(scene: Scene, rng: np.random.Generator) -> Asked | None:
    places = [p for p in ("bowl", "tray", "drawer", "zone") if p in scene.state.fixtures]
    places += [corner for corner in scene.corners if scene.contents(corner)]
    known = [place for place in places if scene.contents(place) is not None]
    if not known:
        return None
    full = [place for place in known if scene.contents(place)]
    drawn = balanced([place for place in known if place not in full], full, rng)
    if drawn is None and not rare(rng):
        return None
    place = drawn[0] if drawn else pick(known, rng)
    return Asked(yes_no(place not in full), {"p": place})


def _fits(scene: Scene, rng: np.random.Generator) -> Asked | None:
    places = [p for p in ("bowl", "tray", "drawer", "zone") if p in scene.state.fixtures]
    known = [place for place in places if scene.contents(place) is not None]
    if not known:
        return None
    full = [place for place in known if len(scene.contents(place) or ()) >= CAPACITY[place]]
    drawn = balanced([place for place in known if place not in full], full, rng)
    if drawn is None and not rare(rng):
        return None
    place = drawn[0] if drawn else pick(known, rng)
    return Asked(yes_no(place not in full), {"p": place_words(place)})


QUESTIONS = (
    Question(
        "where", "conversation",
        ("where is {x}?", "where (can i find|do you see) {x}?", "{x}: where is it?",
         "(say|tell me) where {x} is."),
        ("at which place does {x} lie?", "where would i have to look for {x}?"),
        _where,
    ),
    Question(
        "there_at", "conversation",
        ("is {x} {p}?", "(do|can) you see {x} {p}?", "{x}: is it {p}?",
         "(is it true|is it so) that {x} is {p}?"),
        ("would you say that {x} is {p}?", "has {x} got its place {p}?"),
        _there_at,
    ),
    Question(
        "on", "conversation",
        ("what (is|stands) on {x}?", "what is on top of {x}?", "which thing (is|stands) on {x}?",
         "(does anything stand|is there anything) on {x}, and what?"),
        ("what does {x} bear?", "what has been put upon {x}?"),
        _on,
    ),
    Question(
        "under", "conversation",
        ("what is (under|below|underneath) {x}?", "what does {x} (stand|lie|rest) on?", "what is {x} on?"),
        ("what bears {x}?", "upon what has {x} been put?"),
        _under,
    ),
    Question(
        "contents", "conversation",
        ("what (is|lies) {p}?", "which (object is|objects are|things are) {p}?",
         "name (what|whatever) is {p}.",
         "what can be found {p}?"),
        ("what has been left {p}?", "{p}: what is there?"),
        lambda scene, rng: _contents(scene, rng, ("drawer", "zone", *CORNERS)),
    ),
    Question(
        "contents_held_out", "conversation",
        (),
        ("what is {p}?", "which (objects|things) are {p}?", "what has been left {p}?"),
        lambda scene, rng: _contents(scene, rng, ("bowl", "tray")),
    ),
    Question(
        "hand", "conversation",
        ("what is in the (hand|gripper)?", "what does the (hand|gripper|robot|arm) hold?",
         "which object has been (lifted|picked up|grasped)?"),
        ("what do the fingers hold?", "what is up in the air?"),
        _hand,
    ),
    Question(
        "drawer_open", "conversation",
        ("is the drawer open?", "(does the drawer stand|can you see whether the drawer is) open?",
         "the drawer: is it open?"),
        ("has the drawer been pulled out?", "do you see an open drawer?"),
        _drawer_open,
    ),
    Question(
        "drawer_state", "conversation",
        ("is the drawer open or closed?", "open or closed: how is the drawer?",
         "in which state is the drawer?"),
        ("how has the drawer been left, open or closed?", "the drawer: closed or open?"),
        _drawer_state,
    ),
    Question(
        "pressed", "conversation",
        ("has the button been pressed?", "(was|is) the button (pressed|pushed)?",
         "does the button shine because it was pressed?"),
        ("did somebody push the button?", "has anyone pressed the button?"),
        _pressed,
    ),
    Question(
        "empty", "conversation",
        ("is {p} empty?", "{p}: is it empty?", "is there nothing at {p}?"),
        ("would you say that {p} is empty?", "has {p} been left empty?"),
        _empty,
    ),
    Question(
        "fits", "conversation",
        ("is there room for one more (object|thing) {p}?", "(does|would) one more (object|thing) fit {p}?",
         "can one more object be put {p}?"),
        ("could another object find room {p}?", "would there be space {p} for another one?"),
        _fits,
    ),
)  # fmt: skip
