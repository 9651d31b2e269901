"""From a question's meaning to one of the many sentences that ask it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.goals.parlance import frames
from sim.goals.parlance.naming import NAMED, NAMING
from sim.goals.parlance.pattern import expand, fill, pick
from sim.goals.parlance.phrases import bare, fixture, lying, names, predicate, several, trait_slots
from sim.goals.parlance.questions import ASKED
from sim.goals.parlance.supposing import counted, enquiry
from vla.planner.meaning import Question, Things

_OPENED_SHARE = 0.2
_OWN_SHARE = 0.6
_INSIDE_SHARE = 0.75
_UNMARKED_SHARE = 0.25
_ASKING = tuple(
    f"{word} "
    for word in [
        "is",
        "are",
        "do",
        "does",
        "did",
        "has",
        "have",
        "was",
        "can",
        "could",
        "would",
        "what",
        "which",
        "how",
        "where",
    ]
)
"""How questions begin that need no question mark: "the drawer is open" without one would be a statement."""


def question(meaning: Question, rng: np.random.Generator) -> str:
    """One of the ways of asking; not everybody writes the question mark."""
    text = _question(meaning, rng)
    marked = not text.startswith(_ASKING) or rng.random() >= _UNMARKED_SHARE
    if rng.random() < _OPENED_SHARE:
        text = f"{pick(frames.BEFORE_QUESTIONS, rng)} {text}"
    return text if marked else text.removesuffix("?")


def _question(meaning: Question, rng: np.random.Generator) -> str:
    if meaning.condition is not None:
        return enquiry(meaning.condition, rng)
    things = meaning.things
    match meaning.kind:
        case "count":
            return _count(things, rng)
        case "name" if things[0].which == "any" and things[0].trait is not None:
            return _naming(things[0], rng)
        case "name" if things[0].which == "the" and things[0].trait is not None:
            # "What is in the bowl" asks for any thing; the one thing needs its noun.
            told = f"the {bare(things[0], rng, False)}"
        case _:
            told = names(things, rng)
    return fill(expand(pick(ASKED[meaning.kind], rng), rng, several(things)), {"x": told})


def _count(things: tuple[Things, ...], rng: np.random.Generator) -> str:
    trait = things[0].trait
    if len(things) == 1 and trait is not None and trait.place and rng.random() < _INSIDE_SHARE:
        slots = {
            "x": counted([replace(things[0], trait=None)], rng),
            "l": lying(trait.place, rng),
            "q": fixture(trait.place, rng),
        }
        return fill(expand(pick(ASKED["count inside"], rng), rng), slots)
    return fill(expand(pick(ASKED["count"], rng), rng), {"x": counted(things, rng)})


def _naming(thing: Things, rng: np.random.Generator) -> str:
    trait = thing.trait
    assert trait is not None
    slots = {"t": predicate(trait, rng), **trait_slots(trait, rng)}
    own = NAMING.get(trait.kind, ())
    patterns = own if own and rng.random() < _OWN_SHARE else NAMED
    return fill(expand(pick(patterns, rng), rng), slots)
