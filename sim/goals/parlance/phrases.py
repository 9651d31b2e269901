"""Noun phrases: from a description of things to the words that people use for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.goals.parlance.conditions import PREDICATES
from sim.goals.parlance.names import (
    ANY,
    BUT,
    EVERY,
    EVERY_COLOURED,
    EVERYTHING,
    FIXTURES,
    INTO,
    LISTS,
    LONG_LISTS,
    LYING,
    SHAPES,
    THE,
    TRAITS,
    WHATEVER,
)
from sim.goals.parlance.pattern import expand, fill, pick
from vla.planner.meaning import THING, Noun, Things, Trait
from vla.planner.sayings import CORNERS

_WHATEVER_SHARE = 0.6


def several(things: Sequence[Things]) -> bool:
    """Whether a verb about them is in the plural."""
    return len(things) > 1 or things[0].which == "every"


def fixture(name: str, rng: np.random.Generator) -> str:
    """A place or fixture by one of its names, with an article."""
    return f"the {pick(FIXTURES[name], rng)}" if name in FIXTURES else f"the {name}"


def into(place: str, rng: np.random.Generator) -> str:
    """Where something goes, with a preposition."""
    pattern = pick(INTO["corner" if place in CORNERS else place], rng)
    return fill(expand(pattern, rng), {"q": fixture(place, rng)})


def lying(place: str, rng: np.random.Generator) -> str:
    """Where something is, with a preposition."""
    pattern = pick(LYING["corner" if place in CORNERS else place], rng)
    return fill(expand(pattern, rng), {"q": fixture(place, rng)})


def names(things: Sequence[Things], rng: np.random.Generator) -> str:
    """What things are called, with articles; several are listed."""
    parts = [phrase(one, rng) for one in things]
    if len(parts) == 3 and rng.random() < 0.7:
        return fill(expand(pick(LONG_LISTS, rng), rng), dict(zip("abc", parts, strict=True)))
    text = parts[0]
    for part in parts[1:]:
        text = fill(expand(pick(LISTS, rng), rng), {"a": text, "b": part})
    return text


def phrase(things: Things, rng: np.random.Generator) -> str:
    """What one description is called, with an article."""
    text = _phrase(things, rng)
    for other in things.but:
        text = fill(expand(pick(BUT, rng), rng), {"x": text, "y": _phrase(other, rng)})
    return text


def _phrase(things: Things, rng: np.random.Generator) -> str:
    noun, trait = things.noun, things.trait
    if noun.shape in FIXTURES:
        return fixture(noun.shape, rng)
    free = trait is not None and trait.kind in WHATEVER and noun == Noun(THING)
    if trait is not None and free and rng.random() < _WHATEVER_SHARE:
        return _with(pick(WHATEVER[trait.kind], rng), "", trait, rng, False)
    if things.which == "the":
        return f"{pick(THE, rng)} {bare(things, rng, False)}"
    if things.which == "every" and trait is None and noun.shape == THING:
        if not noun.colour:
            return pick(EVERYTHING, rng)
        return fill(pick(EVERY_COLOURED, rng), {"c": noun.colour})
    patterns = EVERY if things.which == "every" else ANY
    pattern = pick(patterns, rng)
    plural = "{p}" in pattern
    return fill(pattern, {"p" if plural else "s": bare(things, rng, plural)})


def bare(things: Things, rng: np.random.Generator, plural: bool) -> str:
    """The noun with its trait and without an article."""
    if things.noun.shape in FIXTURES:
        name = pick(FIXTURES[things.noun.shape], rng)
        return f"{name}{'es' if name.endswith('sh') else 's'}" if plural else name
    names_of_one = SHAPES[things.noun.shape]
    noun = names_of_one[int(rng.integers(len(names_of_one)))][plural]
    noun = f"{things.noun.colour} {noun}".strip()
    if things.trait is None:
        return noun
    return _with(pick(TRAITS[things.trait.kind], rng), noun, things.trait, rng, plural)


def predicate(trait: Trait, rng: np.random.Generator) -> str:
    """A trait as what something is: ``"in the bowl"``, ``"left of the tray"``."""
    return _with(pick(PREDICATES[trait.kind], rng), "", trait, rng, False)


def _with(pattern: str, noun: str, trait: Trait, rng: np.random.Generator, plural: bool) -> str:
    slots = {"n": noun}
    if trait.place:
        slots |= {"l": lying(trait.place, rng), "q": fixture(trait.place, rng)}
    if trait.other is not None:
        slots["o"] = _phrase(trait.other, rng)
    return fill(expand(pattern, rng, plural), slots)
