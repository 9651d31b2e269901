"""Questions that take a thought: why, what if, how many more. Their answers say why."""

from __future__ import annotations

import itertools

import numpy as np

from sim.instruct.question import Asked, Question, balanced, pick, plural, rare
from sim.instruct.scene import Scene, place_words
from sim.instruct.ways import graspable, stackable, stacking
from sim.objects import SHAPES
from vla.planner.grammar import NUMBERS
from vla.planner.symbols import CAPACITY

_CONTAINERS = ("bowl", "tray", "drawer")


def _why_not(scene: Scene, rng: np.random.Generator) -> Asked | None:
    rows = [row for row in graspable(scene) if scene.state.on(row) >= 0]
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
    pairs = [(x, y) for x, y in stackable(scene) if stacking(scene, x, y).startswith("yes")]
    pairs = [(x, y) for x, y in pairs if x in graspable(scene)]
    if not pairs:
        return None
    x, y = pick(pairs, rng)
    height = len(scene.state.column(scene.state.foot(y))) + 1
    text = f"{scene.the(x)}, because it would stand on {scene.the(y)}, in a tower of {NUMBERS[height]}."
    return Asked(text, {"x": scene.name(x), "y": scene.name(y)})


def _then_free(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """If the top of a tower came off, would something below be free?"""
    state = scene.state
    tops = [row for row in graspable(scene) if isinstance(state.where[row], int) and state.on(row) < 0]
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
    rows = [row for row in graspable(scene) if row not in inside]
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
