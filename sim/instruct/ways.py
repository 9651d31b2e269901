"""Questions about ways: how something is done, and whether it can be done right away. Answers say why not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sim.goals.goal import Goal
from sim.goals.model import MAX_HEIGHT, Act, ImpossibleError, applied
from sim.goals.oracle import StuckError, oracle
from sim.instruct.question import Asked, Question, balanced, pick
from sim.instruct.scene import Scene, place_words
from vla.planner.desire import Atom, Held, In, On
from vla.planner.grammar import Instructions, Step, step_words
from vla.planner.symbols import CAPACITY, HELD, LOOSE, Symbols

T = TypeVar("T")

_MOST_STEPS = 5
_CONTAINERS = ("bowl", "tray", "drawer")


def graspable(scene: Scene) -> list[int]:
    """Things that a question of grasping may be about."""
    if not scene.hand_is_free():
        return []
    return [row for row in scene.placed if scene.state.where[row] not in ("drawer", HELD)]


def _how_to_grasp(scene: Scene, rng: np.random.Generator) -> Asked | None:
    if not _all_known(scene):
        return None
    easy = [row for row in scene.placed if scene.state.on(row) < 0 and scene.state.where[row] != "drawer"]
    hard = [row for row in scene.placed if row not in easy]
    row = pick(hard if hard and rng.random() < 0.75 else easy or hard, rng)
    steps = _steps(scene, (Held(row),))
    return Asked(_in_sequence(steps), {"x": scene.name(row)}) if steps else None


def _how_to_put(scene: Scene, rng: np.random.Generator) -> Asked | None:
    places = [name for name in _CONTAINERS if name in scene.state.fixtures]
    if not _all_known(scene) or not places:
        return None
    row, place = pick(scene.placed, rng), pick(places, rng)
    steps = _steps(scene, (In(row, place),))
    return Asked(_in_sequence(steps), {"x": scene.name(row), "p": place_words(place)}) if steps else None


def _how_to_stack(scene: Scene, rng: np.random.Generator) -> Asked | None:
    pairs = stackable(scene)
    if not _all_known(scene) or not pairs:
        return None
    row, base = pick(pairs, rng)
    steps = _steps(scene, (On(row, base),))
    return Asked(_in_sequence(steps), {"x": scene.name(row), "y": scene.name(base)}) if steps else None


def _steps(scene: Scene, desire: tuple[Atom, ...]) -> tuple[Step, ...]:
    """Instructions that bring it about; none where it is so already, or where there is no way."""
    state = scene.state
    goal = Goal("", "", "", 0, state.names, desire, None, False)
    try:
        saying = oracle(goal, state)
        assert isinstance(saying, Instructions)
        for step in saying.steps:
            state = applied(_act(step, state), state)
    except (StuckError, ImpossibleError):
        return ()
    done = all(atom.holds(state) for atom in desire)
    return saying.steps if done and len(saying.steps) <= _MOST_STEPS else ()


def _act(step: Step, state: Symbols) -> Act:
    rows = {name: row for row, name in state.names.items()}
    base = rows.get(step.place, -1)
    return Act(step.family, rows.get(step.target, -1), "" if base >= 0 else step.place, base)


def _in_sequence(steps: tuple[Step, ...]) -> str:
    words = [step_words(step) for step in steps]
    return f"{words[0]}." if len(words) == 1 else f"first {', then '.join(words)}."


def _all_known(scene: Scene) -> bool:
    """Steps may touch anything, so everything must have a name of its own and be in sight."""
    return scene.hand_is_free() and len(scene.placed) == len(scene.state.names) > 0


def stackable(scene: Scene) -> list[tuple[int, int]]:
    """Things of which the one holds on the other, and does not stand there yet."""
    state = scene.state
    tops = [row for row in scene.placed if state.shape(row) != "ball"]
    bases = [row for row in scene.placed if state.shape(row) == "block"]
    return [(x, y) for x, y in itertools.product(tops, bases) if x != y and state.where[x] != y]


def _may_stack(scene: Scene, rng: np.random.Generator) -> Asked | None:
    rows = graspable(scene)
    pairs = [(x, y) for x, y in itertools.permutations(rows, 2) if scene.state.where[x] != y]
    verdicts = [(x, y, stacking(scene, x, y)) for x, y in pairs]
    yes = [found for found in verdicts if found[2].startswith("yes")]
    no = [found for found in verdicts if found[2].startswith("no")]
    drawn = balanced(yes, _by_reason(no, rng), rng)
    if drawn is None:
        return None
    x, y, text = drawn[0]
    return Asked(text, {"x": scene.name(x), "y": scene.name(y)})


def _may_put(scene: Scene, rng: np.random.Generator) -> Asked | None:
    pairs = list(itertools.product(graspable(scene), _CONTAINERS))
    verdicts = [(row, at, _putting(scene, row, at)) for row, at in pairs if scene.state.where[row] != at]
    yes = [found for found in verdicts if found[2].startswith("yes")]
    no = [found for found in verdicts if found[2].startswith("no")]
    drawn = balanced(yes, _by_reason(no, rng), rng)
    if drawn is None:
        return None
    row, at, text = drawn[0]
    return Asked(text, {"x": scene.name(row), "p": place_words(at)})


def _may_push(scene: Scene, rng: np.random.Generator) -> Asked | None:
    places = [*(name for name in ("zone",) if name in scene.state.fixtures), *scene.corners]
    pairs = list(itertools.product(graspable(scene), places))
    verdicts = [(row, at, _pushing(scene, row, at)) for row, at in pairs if scene.state.where[row] != at]
    yes = [found for found in verdicts if found[2].startswith("yes")]
    no = [found for found in verdicts if found[2].startswith("no")]
    drawn = balanced(yes, _by_reason(no, rng), rng)
    if drawn is None:
        return None
    row, at, text = drawn[0]
    return Asked(text, {"x": scene.name(row), "p": at})


def _by_reason(found: Sequence[tuple[int, T, str]], rng: np.random.Generator) -> list[tuple[int, T, str]]:
    """Those of one reason only, so that rare reasons are heard, too."""
    reasons = sorted({_reason(text) for _, _, text in found if text})
    chosen = pick(reasons, rng) if reasons else ""
    return [triple for triple in found if triple[2] and _reason(triple[2]) == chosen]


def _reason(text: str) -> str:
    """A refusal without the names in it."""
    return "covered" if " stands on the " in text else text.split(":")[0]


def stacking(scene: Scene, x: int, y: int) -> str:
    """Whether ``x`` can be stacked on ``y`` right away, and why; "" where that would be a riddle."""
    state = scene.state
    if state.shape(x) == "ball":
        return "no, because a ball holds on nothing."
    if state.shape(y) != "block":
        return f"no, because nothing holds on a {state.shape(y)}."
    for row in (x, y):
        if state.on(row) >= 0:
            return f"no, because {scene.the(state.on(row))} stands on {scene.the(row)}."
    if state.ground(y) not in LOOSE or len(state.column(state.foot(y))) >= MAX_HEIGHT:
        return ""
    return f"yes, because {scene.the(x)} can be grasped and the top of {scene.the(y)} is free."


def _putting(scene: Scene, row: int, place: str) -> str:
    state = scene.state
    if place not in state.fixtures:
        return f"no, because there is no {place}."
    if place == "drawer" and state.drawer != "open":
        return "no, because the drawer is closed." if state.drawer == "closed" else ""
    inside = scene.contents(place)
    if inside is None:
        return ""
    if len(inside) >= CAPACITY[place]:
        return f"no, because there is no room in the {place}: {_is_in(scene, inside, place)}."
    if state.on(row) >= 0:
        return f"no, because {scene.the(state.on(row))} stands on {scene.the(row)}."
    room = f"the {place} is empty" if not inside else f"there is room {place_words(place)}"
    return f"yes, because {room} and {scene.the(row)} can be grasped."


def _is_in(scene: Scene, inside: tuple[int, ...], place: str) -> str:
    return (
        f"{scene.listed(inside)} {'is' if len(inside) == 1 else 'are'} {'on' if place == 'tray' else 'in'} it"
    )


def _pushing(scene: Scene, row: int, place: str) -> str:
    state = scene.state
    if state.shape(row) == "ball":
        return "no, because a ball rolls away."
    if state.on(row) >= 0:
        return f"no, because {scene.the(state.on(row))} stands on {scene.the(row)}."
    if not scene.loose(row):
        return f"no, because {scene.the(row)} is {scene.where(row)}."
    inside = scene.contents(place)
    if inside is None:
        return ""
    if inside:
        return f"no, because {scene.the(inside[0])} is there already."
    return f"yes, because {scene.the(row)} stands on the table and does not roll."


QUESTIONS = (
    Question(
        "how_to_grasp", "reasoning",
        ("how would one (grasp|lift) {x}?", "which steps lead to {x} being in the hand?",
         "what has to be done, step by step, to hold {x}?"),
        ("explain how {x} could get into the hand.", "by which steps would {x} be held in the end?"),
        _how_to_grasp,
    ),
    Question(
        "how_to_put", "reasoning",
        ("how would one (get|bring|put) {x} so that it is {p}?", "which steps lead to {x} being {p}?",
         "what has to be done, step by step, to have {x} {p}?"),
        ("explain how {x} could come to be {p}.", "by which steps would {x} be {p} in the end?"),
        _how_to_put,
    ),
    Question(
        "how_to_stack", "reasoning",
        ("how would one get {x} on top of {y}?", "which steps lead to {x} standing on {y}?",
         "what has to be done, step by step, to have {x} on {y}?"),
        ("explain how {x} could come to stand on {y}.", "by which steps would {x} be on {y} in the end?"),
        _how_to_stack,
    ),
    Question(
        "may_stack", "reasoning",
        ("is it possible to stack {x} on {y} right away, and why?",
         "can {x} be stacked on {y} at once? say why.",
         "would {x} hold on {y} if it were put there now?"),
        ("could one set {x} upon {y} as things are, and why?", "does anything speak against {x} on {y} now?"),
        _may_stack,
    ),
    Question(
        "may_put", "reasoning",
        ("is it possible to put {x} {p} right away, and why?", "can {x} be put {p} at once? say why.",
         "would {x} find room {p} now, and could it be brought there?"),
        ("could one lay {x} {p} as things are, and why?", "does anything speak against {x} {p} now?"),
        _may_put,
    ),
    Question(
        "may_push", "reasoning",
        ("is it possible to push {x} to {p} right away, and why?",
         "can {x} be pushed to {p} at once? say why.",
         "could {x} be pushed into {p} as it is?"),
        ("would {x} let itself be pushed into {p}, and why?",
         "does anything speak against pushing {x} to {p}?"),
        _may_push,
    ),
)  # fmt: skip
