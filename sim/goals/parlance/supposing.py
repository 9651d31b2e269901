"""From a condition to a clause that says it, one that denies it, or a question for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sim.goals.parlance.conditions import AFFIRMED, CLAUSES, DENIED, ENQUIRIES, OPPOSITES, QUESTIONS
from sim.goals.parlance.pattern import expand, fill, pick
from sim.goals.parlance.phrases import bare, fixture, lying, names, phrase, predicate, several
from vla.planner.meaning import Condition, Things

_AROUND_SHARE = 0.06
_OWN_SHARE = 0.4
_ENQUIRY_SHARE = 0.35
_OTHER_STATE: Final = {"open": "closed", "closed": "open"}
_NAMELESS: Final = ("one", "ones")
"""What does not name a kind: "how many ones are there?"."""


def denial(condition: Condition) -> Condition:
    """The opposite of a condition; of an open drawer, a closed one."""
    if condition.kind == "drawer" and not condition.negated:
        return replace(condition, state=_OTHER_STATE[condition.state])
    return replace(condition, negated=not condition.negated)


def clause(condition: Condition, rng: np.random.Generator) -> str:
    """What may stand behind "if"."""
    condition, opposite = _plain(condition), denial(condition)
    around = rng.random() < _AROUND_SHARE
    if around and not opposite.negated and rng.random() < 0.5:
        return fill(expand(pick(DENIED, rng), rng), {"c": _about(opposite, CLAUSES, rng)})
    text = _about(condition, OPPOSITES if condition.negated else CLAUSES, rng)
    return fill(expand(pick(AFFIRMED, rng), rng), {"c": text}) if around else text


def asked(condition: Condition, rng: np.random.Generator) -> str | None:
    """A question to which the answer is yes where the condition is true, or None where there is none."""
    condition = _plain(condition)
    return None if condition.negated else _about(condition, QUESTIONS, rng)


def enquiry(condition: Condition, rng: np.random.Generator) -> str:
    """Any way of asking for a condition: a question, or a clause with the asking around it."""
    question = asked(condition, rng)
    if question is not None and rng.random() >= _ENQUIRY_SHARE:
        return question
    return fill(expand(pick(ENQUIRIES, rng), rng), {"c": clause(condition, rng)})


def counted(things: Sequence[Things], rng: np.random.Generator) -> str:
    """Things as what is counted: in the plural and without an article."""
    return " and ".join(_called(one, rng, True) for one in things)


def _plain(condition: Condition) -> Condition:
    """The same condition, without a "not" where it can be said so."""
    if condition.kind == "drawer" and condition.negated:
        return Condition("drawer", _OTHER_STATE[condition.state])
    return condition


def _about(condition: Condition, table: Mapping[str, Sequence[str]], rng: np.random.Generator) -> str:
    kind = f"drawer {condition.state}" if condition.kind == "drawer" else condition.kind
    slots: dict[str, str] = {}
    plural = bool(condition.things) and several(condition.things)
    if kind in ("more", "same"):
        slots = {"x": counted(condition.things, rng), "y": counted(condition.others, rng)}
    elif kind in ("some", "several"):
        slots = {"x": _called(condition.things[0], rng, False), "xs": counted(condition.things, rng)}
    elif condition.things:
        slots["x"] = names(condition.things, rng)
    patterns = table[kind]
    place, trait = condition.place, condition.trait
    if trait is not None:
        slots["t"] = predicate(trait, rng)
        place = trait.place
        own = table.get(f"{kind} {trait.kind}", ())
        patterns = own if own and rng.random() < _OWN_SHARE else patterns
        if trait.other is not None:
            slots["o"] = phrase(trait.other, rng)
    if place:
        slots |= {"l": lying(place, rng), "q": fixture(place, rng)}
    return fill(expand(pick(patterns, rng), rng, plural), slots)


def _called(things: Things, rng: np.random.Generator, plural: bool) -> str:
    """Without an article, and by a noun that names a kind."""
    while (text := bare(things, rng, plural)).split()[0] in _NAMELESS:
        pass
    return text
