"""Questions that take a thought: why, what if, how, whether at all. Their answers say why."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sim.goals.desire import Atom, Held, In, On
from sim.goals.goal import Goal
from sim.goals.model import MAX_HEIGHT, Act, ImpossibleError, applied
from sim.goals.oracle import StuckError, oracle
from sim.goals.symbols import CAPACITY, HELD, LOOSE, Symbols
from sim.instruct.question import Asked, Question, balanced, pick, plural, rare
from sim.instruct.scene import Scene, place_words
from sim.objects import SHAPES
from vla.planner.grammar import NUMBERS, Instructions, Step, step_words

T = TypeVar("T")

_MOST_STEPS = 5
_CONTAINERS = ("bowl", "tray", "drawer")


def _graspable(scene: Scene) -> list[int]:
    """Things that a question of grasping may be about."""
    if not scene.hand_is_free():
        return []
    return [row for row in scene.placed if scene.state.where[row] not in ("drawer", HELD)]


def _why_not(scene: Scene, rng: np.random.Generator) -> Asked | None:
    rows = [row for row in _graspable(scene) if scene.state.on(row) >= 0]
    inside = [row for row in scene.placed if scene.state.where[row] == "drawer"]
    if not rows and not inside:
        return None
    row = pick(rows or inside, rng)
    if row in inside:
        return Asked("because it is in the drawer. it has to be taken out first.", {"x": scene.name(row)})
    above = scene.state.column(row)[1:]
    text = f"because {scene.the(above[0])} stands on it"
    text += "".join(f", and {scene.the(y)} stands on {scene.the(x)}" for x, y in itertools.pairwise(above))
    order = [scene.the(other) for other in reversed(above)]
    first = "it has to be taken off first" if len(above) == 1 else f"first {' and then '.join(order)} must go"
    return Asked(f"{text}. {first}.", {"x": scene.name(row)})


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
    pairs = _stackable(scene)
    if not _all_known(scene) or not pairs:
        return None
    row, base = pick(pairs, rng)
    steps = _steps(scene, (On(row, base),))
    return Asked(_in_sequence(steps), {"x": scene.name(row), "y": scene.name(base)}) if steps else None


def _stackable(scene: Scene) -> list[tuple[int, int]]:
    """Things of which the one holds on the other, and does not stand there yet."""
    state = scene.state
    tops = [row for row in scene.placed if state.shape(row) != "ball"]
    bases = [row for row in scene.placed if state.shape(row) == "block"]
    return [(x, y) for x, y in itertools.product(tops, bases) if x != y and state.where[x] != y]


def _may_stack(scene: Scene, rng: np.random.Generator) -> Asked | None:
    rows = _graspable(scene)
    pairs = [(x, y) for x, y in itertools.permutations(rows, 2) if scene.state.where[x] != y]
    verdicts = [(x, y, _stacking(scene, x, y)) for x, y in pairs]
    yes = [found for found in verdicts if found[2].startswith("yes")]
    no = [found for found in verdicts if found[2].startswith("no")]
    drawn = balanced(yes, _by_reason(no, rng), rng)
    if drawn is None:
        return None
    x, y, text = drawn[0]
    return Asked(text, {"x": scene.name(x), "y": scene.name(y)})


def _by_reason(found: Sequence[tuple[int, T, str]], rng: np.random.Generator) -> list[tuple[int, T, str]]:
    """Those of one reason only, so that rare reasons are heard, too."""
    reasons = sorted({_reason(text) for _, _, text in found if text})
    chosen = pick(reasons, rng) if reasons else ""
    return [triple for triple in found if triple[2] and _reason(triple[2]) == chosen]


def _reason(text: str) -> str:
    """A refusal without the names in it."""
    return "covered" if " stands on the " in text else text.split(":")[0]


def _stacking(scene: Scene, x: int, y: int) -> str:
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


def _may_put(scene: Scene, rng: np.random.Generator) -> Asked | None:
    pairs = list(itertools.product(_graspable(scene), _CONTAINERS))
    verdicts = [(row, at, _putting(scene, row, at)) for row, at in pairs if scene.state.where[row] != at]
    yes = [found for found in verdicts if found[2].startswith("yes")]
    no = [found for found in verdicts if found[2].startswith("no")]
    drawn = balanced(yes, _by_reason(no, rng), rng)
    if drawn is None:
        return None
    row, at, text = drawn[0]
    return Asked(text, {"x": scene.name(row), "p": place_words(at)})


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


def _may_push(scene: Scene, rng: np.random.Generator) -> Asked | None:
    places = [*(name for name in ("zone",) if name in scene.state.fixtures), *scene.corners]
    pairs = list(itertools.product(_graspable(scene), places))
    verdicts = [(row, at, _pushing(scene, row, at)) for row, at in pairs if scene.state.where[row] != at]
    yes = [found for found in verdicts if found[2].startswith("yes")]
    no = [found for found in verdicts if found[2].startswith("no")]
    drawn = balanced(yes, _by_reason(no, rng), rng)
    if drawn is None:
        return None
    row, at, text = drawn[0]
    return Asked(text, {"x": scene.name(row), "p": at})


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


def _room(scene: Scene, rng: np.random.Generator) -> Asked | None:
    known = [p for p in _CONTAINERS if p in scene.state.fixtures and scene.contents(p) is not None]
    if not known:
        return None
    full = [place for place in known if scene.contents(place)]
    if not full and not rare(rng):
        return None
    place = pick(full if full and not rare(rng) else known, rng)
    count, room = len(scene.contents(place) or ()), CAPACITY[place]
    more = NUMBERS[max(0, room - count)]
    return Asked(
        f"{more}, because there is room for {NUMBERS[room]} and {NUMBERS[count]} "
        f"{'is' if count == 1 else 'are'} there now.",
        {"p": place_words(place)},
    )


def _then_on_top(scene: Scene, rng: np.random.Generator) -> Asked | None:
    pairs = [(x, y) for x, y in _stackable(scene) if _stacking(scene, x, y).startswith("yes")]
    pairs = [(x, y) for x, y in pairs if x in _graspable(scene)]
    if not pairs:
        return None
    x, y = pick(pairs, rng)
    height = len(scene.state.column(scene.state.foot(y))) + 1
    text = f"{scene.the(x)}, because it would stand on {scene.the(y)}, in a tower of {NUMBERS[height]}."
    return Asked(text, {"x": scene.name(x), "y": scene.name(y)})


def _then_free(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """If the top of a tower came off, would something below be free?"""
    state = scene.state
    tops = [row for row in _graspable(scene) if isinstance(state.where[row], int) and state.on(row) < 0]
    found = [(top, low) for top in tops for low in scene.placed if top in state.column(low)[1:]]
    if not found:
        return None
    top, low = pick(found, rng)
    left = state.column(low)[1:-1]
    if left:
        text = f"no, because {scene.the(left[0])} would still stand on {scene.the(low)}."
    else:
        text = f"yes, because nothing else stands on {scene.the(low)}."
    return Asked(text, {"x": scene.name(top), "y": scene.name(low)})


def _then_count(scene: Scene, rng: np.random.Generator) -> Asked | None:
    known = [p for p in ("tray", "drawer") if p in scene.state.fixtures and scene.contents(p) is not None]
    if not known:
        return None
    full = [place for place in known if scene.contents(place)]
    if not full and not rare(rng):
        return None
    place = pick(full if full and not rare(rng) else known, rng)
    inside = scene.contents(place) or ()
    rows = [row for row in _graspable(scene) if row not in inside]
    if not rows or (len(inside) < CAPACITY[place] and scene.state.drawer != "open" and place == "drawer"):
        return None
    row = pick(rows, rng)
    count = len(inside)
    if count >= CAPACITY[place]:
        text = f"that cannot be, because there is room for {NUMBERS[CAPACITY[place]]} only."
    else:
        verb = "is" if count == 1 else "are"
        text = f"{NUMBERS[count + 1]}, because {NUMBERS[count]} {verb} there now."
    return Asked(text, {"x": scene.name(row), "p": place_words(place)})


def _more(scene: Scene, rng: np.random.Generator) -> Asked | None:
    if scene.hidden:
        return None
    some = [shape for shape in SHAPES if scene.of(shape)]
    pairs = list(itertools.permutations(some, 2))
    yes = [(a, b) for a, b in pairs if len(scene.of(a)) > len(scene.of(b))]
    drawn = balanced(yes, [pair for pair in pairs if pair not in yes], rng)
    if drawn is None:
        return None
    a, b = drawn[0]
    first, second = len(scene.of(a)), len(scene.of(b))
    numbers = f"there {_are(first, a)} and {_are(second, b).split(' ', 1)[1]}"
    text = f"{'yes' if first > second else 'no'}, because {numbers}."
    return Asked(text, {"s": plural(a, rng), "t": plural(b, rng)})


def _are(count: int, shape: str) -> str:
    return f"is one {shape}" if count == 1 else f"are {NUMBERS[count]} {plural(shape)}"


def _missing(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Which things of a shape are not on the tray yet."""
    known = "tray" in scene.state.fixtures and scene.contents("tray") is not None
    shapes = [shape for shape in scene.shapes() if len(scene.of(shape)) >= 2]
    shapes = [shape for shape in shapes if set(scene.of(shape)) <= set(scene.placed)]
    if not known or not shapes:
        return None
    shape = pick(shapes, rng)
    away = [row for row in scene.of(shape) if scene.state.where[row] != "tray"]
    if not away:
        text = "nothing, because all of them are on the tray."
    else:
        who = "it is" if len(away) == 1 else "they are"
        text = f"{scene.listed(away)}, because {who} not on the tray yet."
    return Asked(text, {"s": plural(shape, rng)})


def _tower(scene: Scene, rng: np.random.Generator) -> Asked | None:
    feet = [row for row in scene.placed if scene.loose(row) and scene.state.on(row) >= 0]
    feet = [row for row in feet if set(scene.state.column(row)) <= set(scene.placed)]
    if not feet:
        return None
    column = scene.state.column(pick(feet, rng))
    text = ", and ".join(f"{scene.the(y)} stands on {scene.the(x)}" for x, y in itertools.pairwise(column))
    return Asked(f"{NUMBERS[len(column)]}, because {text}.", {"x": scene.name(pick(column, rng))})


def _inside_known(scene: Scene, rng: np.random.Generator) -> Asked | None:
    if "drawer" not in scene.state.fixtures or scene.state.drawer == "ajar":
        return None
    is_open = scene.state.drawer == "open"
    return Asked(f"{'yes' if is_open else 'no'}, because the drawer is {scene.state.drawer}.")


QUESTIONS = (
    Question(
        "why_not_grasp", "reasoning",
        ("why can {x} not be (grasped|lifted|picked up) now?", "why is {x} not free to be grasped?",
         "what is the reason that {x} cannot be (grasped|lifted) yet?"),
        ("for what reason must {x} wait before it is taken?", "explain why nobody can take {x} at once."),
        _why_not,
    ),
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
    Question(
        "room", "reasoning",
        ("how many more (objects|things) fit {p}?", "for how many more objects is there room {p}?",
         "how many objects could still be put {p}, and why?"),
        ("how much room remains {p}?", "until it is full, how many objects may follow {p}?"),
        _room,
    ),
    Question(
        "then_on_top", "reasoning",
        ("if {x} were (put|stacked) on {y}, what would be on top?",
         "what would be on top after {x} is stacked on {y}?",
         "after {x} has been put on {y}, which thing is the highest there?"),
        ("suppose {x} stood on {y}: what would be the top then?",
         "what would the top be once {x} stands on {y}?"),
        _then_on_top,
    ),
    Question(
        "then_free", "reasoning",
        ("if {x} were taken away, could {y} be grasped?", "after {x} is taken off, is {y} free?",
         "would {y} be free to be grasped once {x} is gone?"),
        ("suppose {x} were gone: would {y} be free then?", "is taking {x} away enough to get at {y}?"),
        _then_free,
    ),
    Question(
        "then_count", "reasoning",
        ("if {x} were put there too, how many objects would be {p}?",
         "how many objects would be {p} after {x} is put there?", "with {x} added, how many would be {p}?"),
        ("suppose {x} came to the others: how many would be {p}?", "{x} goes {p}: how many are there then?"),
        _then_count,
    ),
    Question(
        "more", "reasoning",
        ("are there more {s} than {t}?", "do you see more {s} than {t}?",
         "is the number of {s} higher than that of {t}?"),
        ("do the {s} outnumber the {t}?", "would you count more {s} than {t}?"),
        _more,
    ),
    Question(
        "missing", "reasoning",
        ("what is still missing until all {s} are on the tray?", "which {s} have yet to be put on the tray?",
         "all {s} shall be on the tray: which ones are not there yet?"),
        ("to have every one of the {s} on the tray, what remains to be brought?",
         "which {s} would one still have to carry to the tray?"),
        _missing,
    ),
    Question(
        "tower", "reasoning",
        ("how high is the tower with {x}?", "of how many objects is the tower that {x} belongs to?",
         "how many objects stand on one another where {x} is?"),
        ("count the floors of the tower around {x}.",
         "what is the height of the stack with {x}, in objects?"),
        _tower,
    ),
    Question(
        "drawer_known", "reasoning",
        ("can one see what is in the drawer?", "is it possible to see into the drawer?",
         "do you know what the drawer holds, and why?"),
        ("would a look tell what the drawer hides?", "does the picture tell what lies in the drawer?"),
        _inside_known,
    ),
)  # fmt: skip
