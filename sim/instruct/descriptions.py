"""Descriptions: everything there is, in a fixed order, in few words or in many."""

from __future__ import annotations

import numpy as np

from sim.instruct.question import Asked, Question, with_articles
from sim.instruct.scene import FIXTURES, Scene, listed
from sim.layout import CORNERS
from vla.planner.grammar import NUMBERS
from vla.planner.symbols import TABLE

_APART_M = 0.03


def brief(scene: Scene) -> str:
    """What there is, without where it is."""
    things = [f"a {scene.name(row)}" for row in scene.seen]
    count = len(things)
    text = "there are no objects."
    if things:
        text = (
            f"there {'is one object' if count == 1 else f'are {NUMBERS[count]} objects'}: {listed(things)}."
        )
    fixtures = [f"a {name}" for name in FIXTURES if name in scene.state.fixtures]
    return with_articles(text + (f" there is {listed(fixtures)}." if fixtures else ""))


def detailed(scene: Scene) -> str:
    """What there is and where, thing by thing and then fixture by fixture."""
    sentences = [_thing(scene, row) for row in scene.seen]
    sentences += [_fixture(scene, name) for name in FIXTURES if name in scene.state.fixtures]
    if not scene.hand_is_free():
        sentences.append("the hand is full")
    return " ".join(f"{sentence}." for sentence in sentences)


def _thing(scene: Scene, row: int) -> str:
    if not scene.sure(row):
        return f"there is the {scene.name(row)}"
    text = f"{scene.the(row)} is {scene.where(row)}"
    if scene.state.where[row] != TABLE:
        return text
    side = scene.side(scene.name(row))
    return f"{text}, {side}" if side else text


def _fixture(scene: Scene, name: str) -> str:
    state = scene.state
    if name == "drawer":
        is_so = "half open" if state.drawer == "ajar" else state.drawer
        inside = scene.contents("drawer")
        return f"the drawer is {is_so}" + (" and empty" if inside == () else "")
    side = scene.side(name) if name in scene.position_m else ""
    parts = [side] if side else ["there"]
    if name == "button":
        parts.append("pressed" if state.pressed else "not pressed")
    elif scene.contents(name) is not None:
        parts.append("not empty" if scene.contents(name) else "empty")
    return f"the {name} is {listed(parts)}"


def _brief(scene: Scene, rng: np.random.Generator) -> Asked | None:
    return Asked(brief(scene)) if scene.seen else None


def _detailed(scene: Scene, rng: np.random.Generator) -> Asked | None:
    known = scene.seen and len(scene.single) == len(scene.seen)
    return Asked(detailed(scene)) if known else None


def _in_order(axis: int, scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Everything that stands on the table, in the order of one coordinate; where no two change places."""
    if len(scene.still) != len(scene.state.names) or len(scene.still) < 2:
        return None
    order = sorted(scene.still, key=lambda row: (1 - 2 * axis) * -scene.position_m[scene.name(row)][axis])
    along = [scene.position_m[scene.name(row)][axis] for row in order]
    if np.abs(np.diff(along)).min() < _APART_M:
        return None
    return Asked(f"{scene.listed(order)}.")


def _groups(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Place by place: who is there."""
    state = scene.state
    if not scene.seen or len(scene.placed) != len(state.names):
        return None
    found: dict[str, list[str]] = {}
    places = ("hand", *FIXTURES, *CORNERS, TABLE)
    stacked = [row for row in scene.seen if isinstance(state.where[row], int)]
    flat = [row for row in scene.seen if row not in stacked]
    for row in [*sorted(flat, key=lambda row: places.index(str(state.where[row]))), *stacked]:
        found.setdefault(scene.where(row), []).append(scene.the(row))
    return Asked(
        " ".join(f"{place} {'is' if len(who) == 1 else 'are'} {listed(who)}." for place, who in found.items())
    )


QUESTIONS = (
    Question(
        "brief", "description",
        ("describe the (scene|picture|image|table) (briefly|in brief|in short).",
         "what (is|do you see) in the picture?",
         "(give|write) a short description of the (scene|picture|image|table).",
         "(sum up|summarise) what (is there|you see).", "which objects (are there|do you see)?"),
        ("in a few words, what does the image show?", "tell me shortly what there is to be seen.",
         "caption this picture."),
        _brief,
    ),
    Question(
        "detailed", "description",
        ("describe the (scene|picture|image|table) in detail.", "(give|write) a detailed description of the "
         "(scene|picture|image|table).", "describe everything that (is there|you see), and where it is.",
         "what (is|do you see) in the picture, and where is it?", "where is everything?"),
        ("tell me at length what there is to be seen.", "explain the whole scene, one thing after the other.",
         "what exactly does the image show?"),
        _detailed,
    ),
    Question(
        "from_left", "description",
        ("name all objects from left to right.", "which objects do you see from left to right?",
         "(list|name) (everything|the objects) from the left to the right."),
        ("beginning on the left, which objects are there?", "read me the objects as one reads a line."),
        lambda scene, rng: _in_order(1, scene, rng),
    ),
    Question(
        "from_front", "description",
        ("name all objects from front to back.", "which objects do you see from the front to the back?",
         "(list|name) (everything|the objects) beginning with the nearest one."),
        ("beginning in front, which objects are there?", "order the objects by how near they are."),
        lambda scene, rng: _in_order(0, scene, rng),
    ),
    Question(
        "by_place", "description",
        ("describe the (scene|table) place by place.", "(say|tell me) for each place what is there.",
         "(list|name) the objects by the place where they are."),
        ("go from place to place and say what is there.", "sort what you see by where it is."),
        _groups,
    ),
)  # fmt: skip
