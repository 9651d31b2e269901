"""Questions about how things stand to each other, as seen in the front camera's picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np

from sim.instruct.question import Asked, Question, balanced, pick, rare, yes_no
from sim.instruct.scene import Scene
from sim.language import RELATIONS

SIDES: Final = {"left": (1, -1), "right": (1, 1), "front": (0, 1), "behind": (0, -1)}
"""Relation to (axis, sign) in the robot frame."""
MARGIN_M: Final = 0.05
"""By how much a thing must be on a side so that anybody would say so."""

_CLOSER_M = 0.03
_MOST_LISTED = 4
_FAR_WORDS = {
    "left": ("furthest to the left", "the leftmost one"),
    "right": ("furthest to the right", "the rightmost one"),
    "front": ("nearest to the camera", "closest to the viewer"),
    "behind": ("furthest from the camera", "furthest in the back"),
}


def _pairs(scene: Scene) -> list[tuple[str, str]]:
    """A thing, and a thing or fixture beside it."""
    names = [scene.name(row) for row in scene.still]
    return [(x, y) for x, y in itertools.product(names, (*names, *scene.landmarks)) if x != y]


def _offset_m(scene: Scene, x: str, y: str, side: str) -> float:
    axis, sign = SIDES[side]
    return sign * (scene.position_m[x][axis] - scene.position_m[y][axis])


def _relation(side: str, rng: np.random.Generator) -> str:
    """Words between two things, such as "to the left of"."""
    return pick(RELATIONS[side], rng).format("").strip()


def _beside(scene: Scene, rng: np.random.Generator, sides: tuple[str, ...]) -> Asked | None:
    side = pick(sides, rng)
    pairs = [(x, y, _offset_m(scene, x, y, side)) for x, y in _pairs(scene)]
    yes = [(x, y) for x, y, away in pairs if away >= MARGIN_M]
    no = [(x, y) for x, y, away in pairs if away <= -MARGIN_M]
    drawn = balanced(yes, no, rng)
    if drawn is None:
        return None
    (x, y), holds = drawn
    return Asked(yes_no(holds), {"x": x, "y": y, "r": _relation(side, rng)})


def _which_side(scene: Scene, rng: np.random.Generator) -> Asked | None:
    pairs = [(x, y) for x, y in _pairs(scene) if abs(_offset_m(scene, x, y, "left")) >= MARGIN_M]
    if not pairs:
        return None
    x, y = pick(pairs, rng)
    return Asked("left" if _offset_m(scene, x, y, "left") > 0 else "right", {"x": x, "y": y})


def _nearer(scene: Scene, rng: np.random.Generator) -> Asked | None:
    names = [scene.name(row) for row in scene.still]
    pairs = list(itertools.permutations(names, 2))
    pairs = [(x, y) for x, y in pairs if abs(_offset_m(scene, x, y, "front")) >= MARGIN_M]
    if not pairs:
        return None
    x, y = pick(pairs, rng)
    nearer = x if _offset_m(scene, x, y, "front") > 0 else y
    return Asked(f"the {nearer}", {"x": x, "y": y})


def _all_beside(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Everything on one side of something, where each thing is plainly on that side or on the other."""
    if not _everything_is_known(scene):
        return None
    found: list[tuple[str, str, list[int]]] = []
    for mark in (*map(scene.name, scene.still), *scene.landmarks):
        others = [row for row in scene.still if scene.name(row) != mark]
        for side in SIDES:
            away = {row: _offset_m(scene, scene.name(row), mark, side) for row in others}
            there = [row for row in others if away[row] > 0]
            if all(abs(m) >= MARGIN_M for m in away.values()) and len(there) <= _MOST_LISTED:
                found.append((mark, side, there))
    if not found:
        return None
    some = [triple for triple in found if triple[2]]
    mark, side, there = pick(some if some and not rare(rng) else found, rng)
    return Asked(scene.listed(there), {"y": mark, "r": _relation(side, rng)})


def _outermost(scene: Scene, rng: np.random.Generator) -> Asked | None:
    if not _everything_is_known(scene) or len(scene.still) < 2:
        return None
    found: list[tuple[str, str]] = []
    names = [scene.name(row) for row in scene.still]
    for side, x in itertools.product(SIDES, names):
        if all(_offset_m(scene, x, y, side) >= MARGIN_M for y in names if y != x):
            found.append((side, x))
    if not found:
        return None
    side, x = pick(found, rng)
    return Asked(f"the {x}", {"r": pick(_FAR_WORDS[side], rng)})


def _nearest(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """The thing that is nearest to something, by a margin."""
    if not _everything_is_known(scene):
        return None
    found: list[tuple[str, str]] = []
    names = [scene.name(row) for row in scene.still]
    for mark in (*names, *scene.landmarks):
        others = [name for name in names if name != mark and not _stacked(scene, name, mark)]
        gaps = sorted((_distance_m(scene, name, mark), name) for name in others)
        if len(others) == len(set(names) - {mark}) >= 2 and gaps[1][0] - gaps[0][0] >= _CLOSER_M:
            found.append((mark, gaps[0][1]))
    if not found:
        return None
    mark, name = pick(found, rng)
    return Asked(f"the {name}", {"y": mark})


def _distance_m(scene: Scene, x: str, y: str) -> float:
    return float(np.hypot(*np.subtract(scene.position_m[x], scene.position_m[y])))


def _stacked(scene: Scene, x: str, y: str) -> bool:
    """One is above the other, or in it: "nearest" would be a riddle."""
    return _distance_m(scene, x, y) < MARGIN_M


def _everything_is_known(scene: Scene) -> bool:
    """Whatever might be on a side has a name of its own, stands, and can be seen."""
    return len(scene.still) == len(scene.state.names) > 0


def _asking(*sides: str) -> Callable[[Scene, np.random.Generator], Asked | None]:
    return lambda scene, rng: _beside(scene, rng, sides)


QUESTIONS = (
    Question(
        "left_right", "conversation",
        ("is {x} {r} {y}?", "(does {x} stand|do you see {x}) {r} {y}?", "{x}: is it {r} {y}?"),
        ("would you say that {x} is {r} {y}?", "has {x} been put {r} {y}?"),
        _asking("left", "right"),
    ),
    Question(
        "front_behind", "conversation",
        ("is {x} {r} {y}?", "(does {x} stand|do you see {x}) {r} {y}?", "{x}: is it {r} {y}?"),
        ("would you say that {x} is {r} {y}?", "has {x} been put {r} {y}?"),
        _asking("front", "behind"),
    ),
    Question(
        "which_side", "conversation",
        ("is {x} left or right of {y}?", "on which side of {y} (is|do you see) {x}, left or right?",
         "left or right of {y}: where is {x}?"),
        ("to which side of {y} does {x} lie, left or right?", "{x} and {y}: on which side is the first?"),
        _which_side,
    ),
    Question(
        "nearer", "conversation",
        ("which is (nearer|closer) to the camera, {x} or {y}?",
         "{x} or {y}: which one is nearer to the camera?",
         "which one stands further in front, {x} or {y}?"),
        ("of {x} and {y}, which one is closer to you?", "which do you find nearer, {x} or {y}?"),
        _nearer,
    ),
    Question(
        "all_beside", "conversation",
        ("what is {r} {y}?", "(which|what) things are {r} {y}?", "name (what|whatever) is {r} {y}.",
         "what do you see {r} {y}?"),
        ("which objects have their place {r} {y}?", "{r} {y}, what is there?"),
        _all_beside,
    ),
    Question(
        "outermost", "conversation",
        ("(which|what) (object|thing) is {r}?", "of the objects, which is {r}?",
         "name the (object|thing) that is {r}."),
        ("of all objects, which is {r}?", "tell me which thing you see {r}."),
        _outermost,
    ),
    Question(
        "nearest", "conversation",
        ("(which|what) (object|thing) is (nearest|closest) to {y}?",
         "of the objects, which is (nearest|closest) to {y}?",
         "name the (object|thing) nearest to {y}."),
        ("which neighbour of {y} is the nearest?", "of all objects, which is closest to {y}?"),
        _nearest,
    ),
)  # fmt: skip
