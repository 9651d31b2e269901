"""Questions about what there is: presence, colours, shapes, numbers."""

from __future__ import annotations

import itertools

import numpy as np

from sim.instruct.question import Asked, Question, balanced, bare, pick, plural, rare, yes_no
from sim.instruct.scene import FIXTURES, Scene, listed, place_words
from sim.language import place
from sim.objects import COLOUR_NAMES, HELD_OUT_PAIRS, SHAPES
from vla.planner.grammar import NAMES, NUMBERS

_COUNTED = ("bowl", "tray", "drawer", "zone")


def _there(scene: Scene, rng: np.random.Generator) -> Asked | None:
    every = set(scene.state.names.values())
    near = {word for name in every for word in name.split()}
    absent = [
        name
        for name in NAMES
        if name not in every and tuple(name.split()) not in HELD_OUT_PAIRS and near & set(name.split())
    ]
    drawn = balanced([scene.name(row) for row in scene.seen], absent, rng)
    return drawn and Asked(yes_no(drawn[1]), {"n": f"a {bare(drawn[0], rng)}"})


def _there_shape(scene: Scene, rng: np.random.Generator) -> Asked | None:
    yes = [shape for shape in SHAPES if scene.of(shape)]
    no = [shape for shape in scene.shapes() if not scene.of(shape)]
    drawn = balanced(yes, no, rng)
    return drawn and Asked(yes_no(drawn[1]), {"n": bare(drawn[0], rng)})


def _there_colour(scene: Scene, rng: np.random.Generator) -> Asked | None:
    plain = [colour for colour in COLOUR_NAMES if scene.colour_is_plain(colour)]
    yes = [colour for colour in plain if scene.coloured(colour)]
    no = [colour for colour in plain if not scene.coloured(colour)]
    drawn = balanced(yes, no, rng)
    return drawn and Asked(yes_no(drawn[1]), {"c": drawn[0]})


def _there_fixture(scene: Scene, rng: np.random.Generator) -> Asked | None:
    yes = [name for name in FIXTURES if name in scene.state.fixtures]
    drawn = balanced(yes, [name for name in FIXTURES if name not in yes], rng)
    return drawn and Asked(yes_no(drawn[1]), {"f": f"a {place(drawn[0], rng).removeprefix('the ')}"})


def _fixtures(scene: Scene, rng: np.random.Generator) -> Asked | None:
    there = [name for name in FIXTURES if name in scene.state.fixtures]
    return Asked(listed([f"the {name}" for name in there]))


def _colour(scene: Scene, rng: np.random.Generator) -> Asked | None:
    only = [shape for shape in scene.shapes() if len(scene.of(shape)) == 1]
    if not only:
        return None
    shape = pick(only, rng)
    return Asked(scene.state.colour(scene.of(shape)[0]), {"n": bare(shape, rng)})


def _shape(scene: Scene, rng: np.random.Generator) -> Asked | None:
    only = [c for c in COLOUR_NAMES if scene.colour_is_plain(c) and len(scene.coloured(c)) == 1]
    if not only:
        return None
    colour = pick(only, rng)
    return Asked(scene.state.shape(scene.coloured(colour)[0]), {"c": colour})


def _colours(scene: Scene, rng: np.random.Generator) -> Asked | None:
    shapes = [shape for shape in scene.shapes() if len(scene.of(shape)) >= 2]
    if not shapes:
        return None
    shape = pick(shapes, rng)
    colours = list(dict.fromkeys(scene.state.colour(row) for row in scene.of(shape)))
    return Asked(listed(colours), {"s": plural(shape, rng)})


def _count_shape(scene: Scene, rng: np.random.Generator) -> Asked | None:
    if not scene.shapes():
        return None
    shape = pick(scene.shapes(), rng)
    return Asked(NUMBERS[len(scene.of(shape))], {"s": plural(shape, rng)})


def _count_colour(scene: Scene, rng: np.random.Generator) -> Asked | None:
    plain = [colour for colour in COLOUR_NAMES if scene.colour_is_plain(colour)]
    some = [colour for colour in plain if scene.coloured(colour)]
    if not plain or not some:
        return None
    colour = pick(some if rng.random() < 0.75 else plain, rng)
    return Asked(NUMBERS[len(scene.coloured(colour))], {"c": colour})


def _count_all(scene: Scene, rng: np.random.Generator) -> Asked | None:
    return None if scene.hidden else Asked(NUMBERS[len(scene.seen)])


def _count_in(scene: Scene, rng: np.random.Generator) -> Asked | None:
    known = [name for name in _COUNTED if name in scene.state.fixtures]
    places = [name for name in known if scene.contents(name) is not None]
    if not places:
        return None
    full = [name for name in places if scene.contents(name)]
    if not full and not rare(rng):
        return None
    at = pick(full if full and not rare(rng) else places, rng)
    return Asked(NUMBERS[len(scene.contents(at) or ())], {"p": place_words(at)})


def _count_except(scene: Scene, rng: np.random.Generator) -> Asked | None:
    shapes = [shape for shape in scene.shapes() if scene.of(shape)]
    rows = [row for row in scene.single if scene.state.shape(row) in shapes]
    if not rows:
        return None
    row = pick(rows, rng)
    shape = scene.state.shape(row)
    count = len(scene.of(shape)) - 1
    if not count and not rare(rng):
        return None
    return Asked(NUMBERS[count], {"s": plural(shape, rng), "c": scene.state.colour(row)})


def _besides(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """What else is in a place."""
    places = [p for p in ("tray", "drawer") if p in scene.state.fixtures and scene.contents(p)]
    if not places:
        return None
    at = pick(places, rng)
    inside = scene.contents(at) or ()
    row = pick(inside, rng)
    others = [other for other in inside if other != row]
    if not others and not rare(rng):
        return None
    return Asked(scene.listed(others), {"p": place_words(at), "x": scene.name(row)})


def _same(what: str, scene: Scene, rng: np.random.Generator) -> Asked | None:
    """Which other things share a thing's colour or shape."""
    if scene.hidden or not scene.single or len(scene.single) < len(scene.seen):
        return None
    of = scene.state.colour if what == "colour" else scene.state.shape
    row = pick(scene.single, rng)
    others = [other for other in scene.seen if other != row and of(other) == of(row)]
    if not others and not rare(rng):
        return None
    return Asked(scene.listed(others), {"x": scene.name(row)})


def _alike(what: str, scene: Scene, rng: np.random.Generator) -> Asked | None:
    of = scene.state.colour if what == "colour" else scene.state.shape
    pairs = list(itertools.permutations(scene.single, 2))
    yes = [(x, y) for x, y in pairs if of(x) == of(y)]
    no = [(x, y) for x, y in pairs if of(x) != of(y)]
    drawn = balanced(yes, no, rng)
    if drawn is None:
        return None
    (x, y), holds = drawn
    return Asked(yes_no(holds), {"x": scene.name(x), "y": scene.name(y)})


QUESTIONS = (
    Question(
        "there", "conversation",
        ("is there {n}?", "(do|can) you see {n}?", "is {n} (there|here|in the picture)?",
         "(does the picture show|does the table hold) {n}?"),
        ("would you find {n} in this scene?", "is {n} among the objects?"),
        _there,
    ),
    Question(
        "there_shape", "conversation",
        ("is there (a|any) {n}?", "(do|can) you see (a|any) {n}?", "is (a|any) {n} (there|here)?"),
        ("is some {n} among the objects?", "would you find a {n} in this scene?"),
        _there_shape,
    ),
    Question(
        "there_colour", "conversation",
        ("is there (a|any) {c} object?", "(do|can) you see a {c} object?",
         "is (a|any) {c} thing among the objects?", "is (any|one) of the objects {c}?"),
        ("would you call one of the objects {c}?", "does some object have the colour {c}?"),
        _there_colour,
    ),
    Question(
        "there_fixture", "conversation",
        ("is there {f}?", "(do|can) you see {f}?", "is {f} (there|here|on the table)?"),
        ("would you find {f} in this scene?", "does this table come with {f}?"),
        _there_fixture,
    ),
    Question(
        "fixtures", "conversation",
        ("which of bowl, tray, zone, drawer and button are (there|here)?",
         "(do|can) you see a bowl, a tray, a zone, a drawer or a button?",
         "what (is there|stands there|do you see) besides the objects?"),
        ("which furniture does this table have?", "apart from the objects, what is there?"),
        _fixtures,
    ),
    Question(
        "colour", "conversation",
        ("(what|which) colour (is|has) the {n}?", "the {n}: what colour is it?", "the {n} has which colour?",
         "(say|name) the colour of the {n}."),
        ("how would you call the colour of the {n}?", "in what colour is the {n} painted?"),
        _colour,
    ),
    Question(
        "shape", "conversation",
        ("(what|which) shape (is|has) the {c} object?", "the {c} object: what shape is it?",
         "what (kind of thing|kind of object) is the {c} one?", "(say|name) the shape of the {c} object."),
        ("how would you call the shape of the {c} thing?", "the {c} object has what form?"),
        _shape,
    ),
    Question(
        "colours", "conversation",
        ("(what|which) colours do the {s} have?", "(what|which) colours are the {s}?",
         "the {s}: what colours are they?"),
        ("name each colour in which there are {s}.", "in what colours do the {s} come?"),
        _colours,
    ),
    Question(
        "count_shape", "conversation",
        ("how many {s} are (there|on the table|in sight)?", "how many {s} (do|can) you see?",
         "count the {s}.", "the {s}: how many are there?"),
        ("how large is the number of {s}?", "tell me how many {s} you count."),
        _count_shape,
    ),
    Question(
        "count_colour", "conversation",
        ("how many {c} (objects|things) are (there|here)?", "how many {c} (objects|things) (do|can) you see?",
         "how many of the objects are {c}?", "count the {c} objects."),
        ("how large is the number of {c} objects?", "tell me how many objects are {c}."),
        _count_colour,
    ),
    Question(
        "count_all", "conversation",
        ("how many (objects|things|items) are (there|here) in all?", "how many objects (do|can) you see?",
         "count (all the|all) objects.", "how many things can be moved?"),
        ("how large is the number of objects?", "tell me how many objects there are altogether."),
        _count_all,
    ),
    Question(
        "count_in", "conversation",
        ("how many (objects|things) are {p}?", "how many (objects|things) (do|can) you see {p}?",
         "count the (objects|things) {p}."),
        ("how large is the number of things {p}?", "tell me how many objects lie {p}."),
        _count_in,
    ),
    Question(
        "count_except", "conversation",
        ("how many {s} are there (except|besides|without) the {c} one?",
         "(except|besides) the {c} one, how many {s} (are there|do you see)?",
         "how many {s} are not {c}?"),
        ("not counting the {c} one, how many {s} are there?", "leave the {c} one out: how many {s} remain?"),
        _count_except,
    ),
    Question(
        "besides", "conversation",
        ("what is {p} (besides|except|apart from) {x}?", "besides {x}, what (is|lies) {p}?",
         "what else is {p} with {x}?"),
        ("{x} is {p}: together with what?", "leave {x} out: what remains {p}?"),
        _besides,
    ),
    Question(
        "same_colour", "conversation",
        ("(which|what) other objects have the same colour as {x}?", "what else has the colour of {x}?",
         "which things are as coloured as {x}?"),
        ("name whatever shares the colour of {x}.", "which others come in the colour of {x}?"),
        lambda scene, rng: _same("colour", scene, rng),
    ),
    Question(
        "same_shape", "conversation",
        ("(which|what) other objects have the same shape as {x}?", "what else has the shape of {x}?",
         "which things have a shape like {x}?"),
        ("name whatever shares the shape of {x}.", "which others come in the shape of {x}?"),
        lambda scene, rng: _same("shape", scene, rng),
    ),
    Question(
        "alike_colour", "conversation",
        ("(do|would) {x} and {y} have the same colour?", "(are|is) {x} and {y} of the same colour?",
         "is {x} of the same colour as {y}?", "have {x} and {y} one colour?"),
        ("do {x} and {y} share a colour?", "does the colour of {x} match that of {y}?"),
        lambda scene, rng: _alike("colour", scene, rng),
    ),
    Question(
        "alike_shape", "conversation",
        ("do {x} and {y} have the same shape?", "are {x} and {y} of the same shape?",
         "is {x} of the same shape as {y}?", "have {x} and {y} one shape?"),
        ("do {x} and {y} share a shape?", "does the shape of {x} match that of {y}?"),
        lambda scene, rng: _alike("shape", scene, rng),
    ),
)  # fmt: skip
