"""Noun phrases: from a description of things to the words that people use for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.goals.parlance.conditions import PREDICATES
from sim.goals.parlance.exceptions import EXCEPTIONS
from sim.goals.parlance.groups import GROUPS, LONG_LISTS
from sim.goals.parlance.names import (
    COLOURED,
    COLOURS,
    FIXTURES,
    INTO,
    LYING,
    OF_FIXTURES,
    SHAPES,
    SIZES,
    THE,
    plural_of,
)
from sim.goals.parlance.nounless import ALL_THAT, CONTENTS, WHATEVER
from sim.goals.parlance.pattern import expand, fill, pick
from sim.goals.parlance.traits import TRAITS
from vla.planner.meaning import SUPERLATIVES, THING, Noun, Things, Trait
from vla.planner.sayings import CORNERS
from vla.planner.symbols import CAPACITY

_WHATEVER_SHARE = 0.6
_UNIQUE = (*SUPERLATIVES, "closest to")
"""Traits that only one thing has."""


def several(things: Sequence[Things]) -> bool:
    """Whether a verb about them is in the plural."""
    return len(things) > 1 or things[0].which == "every"


def fixture(name: str, rng: np.random.Generator) -> str:
    """A place or fixture by one of its names, with an article."""
    return f"{pick(OF_FIXTURES, rng)} {pick(FIXTURES[name], rng)}"


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
        text = fill(expand(pick(GROUPS["lists"], rng), rng), {"a": text, "b": part})
    return text


def phrase(things: Things, rng: np.random.Generator) -> str:
    """What one description is called, with an article."""
    text = _phrase(things, rng)
    for other in things.but:
        text = fill(expand(pick(GROUPS["but"], rng), rng), {"x": text, "y": _phrase(other, rng)})
    return text


def _phrase(things: Things, rng: np.random.Generator) -> str:
    noun, trait = things.noun, things.trait
    if noun.shape in FIXTURES:
        return fixture(noun.shape, rng)
    if trait is not None and noun == Noun(THING) and rng.random() < _WHATEVER_SHARE:
        patterns = _nounless(things, trait)
        if patterns:
            return _with(pick(patterns, rng), "", trait, rng, False)
    if things.which == "the" or (trait is not None and trait.kind in _UNIQUE):
        return f"{pick(THE, rng)} {bare(things, rng, False)}"
    if things.which == "every" and trait is None and noun.shape == THING:
        if not noun.colour:
            return expand(pick(GROUPS["everything"], rng), rng)
        return fill(expand(pick(GROUPS["every_coloured"], rng), rng), {"c": pick(COLOURS[noun.colour], rng)})
    pattern = expand(pick(GROUPS[things.which], rng), rng)
    plural = "{p}" in pattern
    return fill(pattern, {"p" if plural else "s": bare(things, rng, plural)})


def _nounless(things: Things, trait: Trait) -> Sequence[str]:
    """Patterns in which nothing needs a name; those for contents mean one thing or all of them."""
    every = things.which == "every"
    patterns = (ALL_THAT if every else WHATEVER).get(trait.kind, ())
    if trait.kind == "inside" and (CAPACITY.get(trait.place) == 1) != every and trait.place != "hand":
        return (*patterns, *CONTENTS)
    return patterns


def remaining(things: Things, rng: np.random.Generator) -> str:
    """What is called so of a kind once some have been left out: "the other blocks", "the rest"."""
    if things.noun == Noun(THING) and things.trait is None:
        return expand(pick(EXCEPTIONS["everything else"], rng), rng)
    pattern = expand(pick(EXCEPTIONS["rest of a kind"], rng), rng)
    plural = "{p}" in pattern
    return fill(pattern, {"p" if plural else "s": bare(things, rng, plural)})


def bare(things: Things, rng: np.random.Generator, plural: bool) -> str:
    """The noun with its trait and without an article."""
    if things.noun.shape in FIXTURES:
        name = pick(FIXTURES[things.noun.shape], rng)
        return plural_of(name) if plural else name
    trait = things.trait
    noun = _noun(things.noun, rng, plural, trait is None)
    return noun if trait is None else _with(pick(TRAITS[trait.kind], rng), noun, trait, rng, plural)


def _noun(noun: Noun, rng: np.random.Generator, plural: bool, alone: bool) -> str:
    names_of_one = SHAPES[noun.shape]
    if not noun.colour and alone:
        names_of_one = [pair for pair in names_of_one if pair[0] != "one"]
    text = f"{pick(SIZES, rng)} {{}}".strip()
    name = names_of_one[int(rng.integers(len(names_of_one)))][plural]
    if not noun.colour:
        return text.format(name)
    pattern = pick(COLOURED, rng) if alone else COLOURED[0]
    return text.format(fill(expand(pattern, rng, plural), {"c": pick(COLOURS[noun.colour], rng), "n": name}))


def predicate(trait: Trait, rng: np.random.Generator) -> str:
    """A trait as what something is: ``"in the bowl"``, ``"left of the tray"``."""
    return _with(pick(PREDICATES[trait.kind], rng), "", trait, rng, False)


def _with(pattern: str, noun: str, trait: Trait, rng: np.random.Generator, plural: bool) -> str:
    slots = {"n": noun, **trait_slots(trait, rng)}
    return fill(expand(pattern, rng, plural), slots)


def trait_slots(trait: Trait, rng: np.random.Generator) -> dict[str, str]:
    """What a trait is about, by its slots: ``l`` and ``q`` a place, ``o`` another thing."""
    slots: dict[str, str] = {}
    if trait.place:
        slots |= {"l": lying(trait.place, rng), "q": fixture(trait.place, rng)}
    if trait.other is not None:
        slots["o"] = phrase(trait.other, rng)
    return slots
