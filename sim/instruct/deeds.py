"""Questions about what can be done and what has been done."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from sim.instruct.question import Asked, Question, balanced, pick, rare, yes_no
from sim.instruct.scene import Scene
from vla.planner.grammar import Step
from vla.planner.symbols import HELD, LOOSE

_FAR_M = 0.1
Verdicts: TypeAlias = tuple[list[Step], list[Step]]
"""Instructions that have been carried out, and such that have not."""


def _free(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Whether nothing stands on a thing; of what lies in a drawer nobody asks."""
    rows = [row for row in scene.placed if scene.state.where[row] not in ("drawer", HELD)]
    if not scene.hand_is_free():
        return None
    free = [row for row in rows if scene.state.on(row) < 0]
    drawn = balanced(free, [row for row in rows if row not in free], rng)
    return drawn and Asked(yes_no(drawn[1]), {"x": scene.name(drawn[0])})


def _in_the_way(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """What stands on a thing, from the top down: the order in which it must go."""
    rows = [row for row in scene.placed if scene.state.where[row] not in ("drawer", HELD)]
    covered = [row for row in rows if scene.state.on(row) >= 0]
    drawn = balanced(covered, [row for row in rows if row not in covered], rng)
    if drawn is None:
        return None
    above = scene.state.column(drawn[0])[1:]
    return Asked(scene.listed(reversed(above)), {"x": scene.name(drawn[0])})


def _held(scene: Scene) -> Verdicts:
    held = [row for row in scene.single if scene.state.where[row] == HELD]
    return _steps(scene, "pick_up", held), _steps(scene, "pick_up", set(scene.single) - set(held))


def _reached(scene: Scene) -> Verdicts:
    over = scene.state.over
    if over not in scene.still:
        return [], []
    here = scene.position_m[scene.name(over)]
    far = [
        row for row in scene.still if np.hypot(*np.subtract(scene.position_m[scene.name(row)], here)) > _FAR_M
    ]
    return _steps(scene, "reach", [over]), _steps(scene, "reach", far)


def _put_in(scene: Scene) -> Verdicts:
    return _moved(scene, "put_in", [p for p in ("bowl", "tray") if p in scene.state.fixtures])


def _pushed(scene: Scene) -> Verdicts:
    zone = [name for name in ("zone",) if name in scene.state.fixtures]
    done, open_ = _moved(scene, "push", [*zone, *scene.corners])
    return [s for s in done if _no_ball(s)], [s for s in open_ if _no_ball(s)]


def _no_ball(step: Step) -> bool:
    return not step.target.endswith("ball")


def _put_in_drawer(scene: Scene) -> Verdicts:
    shown = "drawer" in scene.state.fixtures and scene.state.drawer == "open"
    return _moved(scene, "put_in_drawer", ["drawer"] if shown else [])


def _moved(scene: Scene, family: str, places: list[str]) -> Verdicts:
    state = scene.state
    pairs = list(itertools.product(scene.placed, places))
    done = [Step(family, scene.name(row), at) for row, at in pairs if state.where[row] == at]
    full = {step.place for step in done}
    open_ = [Step(family, scene.name(row), at) for row, at in pairs if state.where[row] != at and at in full]
    return done, open_ or [Step(family, scene.name(row), at) for row, at in pairs if state.where[row] != at]


def _stacked(scene: Scene) -> Verdicts:
    state, placed = scene.state, scene.placed
    tops = [row for row in placed if state.shape(row) != "ball"]
    bases = [row for row in placed if state.shape(row) == "block"]
    pairs = [(top, base) for top, base in itertools.product(tops, bases) if top != base]
    done = [Step("stack", scene.name(x), scene.name(y)) for x, y in pairs if state.where[x] == y]
    return done, [Step("stack", scene.name(x), scene.name(y)) for x, y in pairs if state.where[x] != y]


def _unstacked(scene: Scene) -> Verdicts:
    done, open_ = _stacked(scene)
    off = [step for step in open_ if step.target in {scene.name(r) for r in scene.placed if scene.loose(r)}]
    return (
        [Step("unstack", step.target, step.place) for step in off],
        [Step("unstack", step.target, step.place) for step in done],
    )


def _taken_out(scene: Scene) -> Verdicts:
    state = scene.state
    if "drawer" not in state.fixtures or state.drawer != "open":
        return [], []
    out = [row for row in scene.placed if state.where[row] in LOOSE]
    inside = [row for row in scene.placed if state.where[row] == "drawer"]
    return (
        [Step("take_out", scene.name(row), "drawer") for row in out],
        [Step("take_out", scene.name(row), "drawer") for row in inside],
    )


def _steps(scene: Scene, family: str, rows: set[int] | list[int]) -> list[Step]:
    return [Step(family, scene.name(row)) for row in sorted(rows)]


OBJECTS: Final[Mapping[str, Callable[[Scene], Verdicts]]] = {
    "reach": _reached,
    "pick_up": _held,
    "put_in": _put_in,
    "push": _pushed,
    "stack": _stacked,
    "unstack": _unstacked,
    "put_in_drawer": _put_in_drawer,
    "take_out": _taken_out,
}
"""Per family of instructions about a thing: those that have been carried out, and those that have not."""


def _done(scene: Scene, rng: np.random.Generator) -> Asked | None:
    state = scene.state
    choices: list[tuple[Step, bool]] = []
    for verdicts in OBJECTS.values():
        drawn = balanced(*verdicts(scene), rng)
        if drawn is not None:
            choices.append(drawn)
    if "drawer" in state.fixtures and state.drawer != "ajar":
        choices.append((Step("open_drawer"), state.drawer == "open"))
        choices.append((Step("close_drawer"), state.drawer == "closed"))
    # Where nobody has pressed anything, to ask each time would only teach to say no.
    if "button" in state.fixtures and (state.pressed or rare(rng)):
        choices.append((Step("press_button"), state.pressed))
    if not choices:
        return None
    step, holds = pick(choices, rng)
    return Asked(yes_no(holds), {"i": step})


QUESTIONS = (
    Question(
        "free", "conversation",
        ("(is|stands) {x} free to be grasped?", "can {x} be (grasped|lifted|picked up) right away?",
         "is the top of {x} free?", "can {x} be taken as it is?"),
        ("could the hand take {x} at once?", "is there nothing that keeps {x} from being grasped?"),
        _free,
    ),
    Question(
        "in_the_way", "conversation",
        ("what has to be moved before {x} can be (grasped|lifted|picked up)?",
         "what (is|stands) in the way of (grasping|lifting) {x}?",
         "before {x} can be grasped, what must be taken away?"),
        ("what must go first so that {x} can be taken?", "what keeps the hand from taking {x}?"),
        _in_the_way,
    ),
    Question(
        "done", "conversation",
        ("is (it|this) done: {i}?", "has (it|this) been done: {i}?", "(is this finished|is this so): {i}?",
         "{i}: is it done?", "{i}: has that been carried out?"),
        ("would you say that this has been carried out: {i}?", "is the following fulfilled: {i}?"),
        _done,
    ),
)  # fmt: skip
