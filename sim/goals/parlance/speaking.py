"""From a meaning to one of the many sentences that say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sim.goals.parlance import conditions, frames
from sim.goals.parlance.deeds import IMPERATIVES, REMARKS, STATEMENTS
from sim.goals.parlance.foreign import ALONE, CHAT, TO_THINGS
from sim.goals.parlance.pattern import expand, fill, pick
from sim.goals.parlance.phrases import (
    bare,
    fixture,
    into,
    lying,
    names,
    one_at_all,
    phrase,
    predicate,
    several,
)
from sim.goals.parlance.questions import ASKED, NAMING
from vla.planner.meaning import (
    THING,
    Choice,
    Condition,
    Deed,
    Meaning,
    Noun,
    Question,
    Things,
    Trait,
    Unknown,
    Wish,
)
from vla.planner.sayings import COLOURS, CORNERS, FIXTURES, SHAPES

_STATEMENT_SHARE = 0.2
_REMARK_SHARE = 0.15
_FETCHED_SHARE = 0.8
_ALONE_SHARE = 0.4
_CHAT_SHARE = 0.12
_TOWER_SHARE = 0.85
_PUSHED_SHARE = 0.5
_IN_DRAWER = Trait("inside", "drawer")

_Table = Mapping[str, tuple[str, ...]]


def said(meaning: Meaning, rng: np.random.Generator) -> str:
    """One of the ways of saying a meaning."""
    return _sentence(meaning, rng).rstrip(",")


def _sentence(meaning: Meaning, rng: np.random.Generator) -> str:
    match meaning:
        case Unknown():
            if rng.random() < _CHAT_SHARE:
                return expand(pick(CHAT, rng), rng).strip()
            return _framed(_foreign(rng), rng)
        case Question():
            return _question(meaning, rng)
        case Wish():
            return _wish(meaning, rng)
        case Choice():
            return _choice(meaning, rng)


def _framed(text: str, rng: np.random.Generator) -> str:
    if text.endswith("?"):
        return text
    after = pick(frames.AFTER, rng)
    text = text.rstrip(",")
    return " ".join(f"{pick(frames.BEFORE, rng)} {text}{after if after[:1] in '.,' else f' {after}'}".split())


def _foreign(rng: np.random.Generator) -> str:
    if rng.random() < _ALONE_SHARE:
        return fill(expand(pick(ALONE, rng), rng), {})
    noun = Noun(pick((*SHAPES, THING), rng), pick(("", *COLOURS), rng))
    if rng.random() < 0.2:
        noun = Noun(pick(FIXTURES, rng))
    things = Things("every" if rng.random() < 0.1 and noun.shape not in FIXTURES else "the", noun)
    return fill(expand(pick(TO_THINGS, rng), rng, several((things,))), {"x": phrase(things, rng)})


def _wish(wish: Wish, rng: np.random.Generator) -> str:
    tower = _tower(wish)
    if tower is not None and rng.random() < _TOWER_SHARE:
        slots = {slot: phrase(things, rng) for slot, things in tower.items()}
        table, framed = _manner(rng)
        return framed(fill(expand(pick(table["tower"], rng), rng), slots), rng)
    if len(wish.deeds) == 1:
        table, framed = _manner(rng)
        return framed(_deed(wish.deeds[0], rng, table), rng)
    return _framed(_chain(wish, rng), rng)


def _chain(wish: Wish, rng: np.random.Generator) -> str:
    parts = [_deed(deed, rng, IMPERATIVES) for deed in wish.deeds]
    links, three = (frames.THEN, frames.THEN_THREE) if wish.ordered else (frames.AND, frames.AND_THREE)
    if len(parts) == 3 and rng.random() < 0.7:
        return fill(expand(pick(three, rng), rng), dict(zip("abc", parts, strict=True)))
    text = parts[0]
    for part in parts[1:]:
        # "before b, a" and "first a" only fit where there are two.
        fitting = links if len(parts) == 2 else [link for link in links if link.startswith("{a}")]
        text = fill(expand(pick(fitting, rng), rng), {"a": text, "b": part})
    return text


def _manner(rng: np.random.Generator) -> tuple[_Table, Callable[[str, np.random.Generator], str]]:
    """Whether somebody orders, states or remarks, and what may go around that."""
    draw = rng.random()
    if draw < _STATEMENT_SHARE:
        return STATEMENTS, _stated
    return (REMARKS, _alone) if draw < _STATEMENT_SHARE + _REMARK_SHARE else (IMPERATIVES, _framed)


def _stated(text: str, rng: np.random.Generator) -> str:
    return f"{pick(frames.BEFORE_STATEMENTS, rng)} {text}".strip()


def _alone(text: str, rng: np.random.Generator) -> str:
    return text


def _tower(wish: Wish) -> dict[str, Things] | None:
    """Slots of a tower of three, where a wish is that."""
    if [deed.verb for deed in wish.deeds] != ["stack", "stack"] or wish.ordered:
        return None
    first, second = wish.deeds
    if first.other is None or second.other != first.things[0]:
        return None
    return {"x": second.things[0], "y": first.things[0], "z": first.other}


def _deed(deed: Deed, rng: np.random.Generator, table: _Table) -> str:
    """One wish in one of the ways of a table."""
    key, things = _key(deed, rng)
    slots: dict[str, str] = {}
    if things:
        slots["x"] = names(things, rng)
    if deed.place:
        slots |= {"p": into(deed.place, rng), "q": fixture(deed.place, rng), "l": lying(deed.place, rng)}
    if deed.other is not None:
        slots["y"] = phrase(deed.other, rng)
    if key == "off":
        trait = deed.things[0].trait
        assert trait is not None
        assert trait.other is not None
        slots["y"] = phrase(trait.other, rng)
    patterns = table[key]
    if key == "put":
        special = "put corner" if deed.place in CORNERS else f"put {deed.place}"
        own = table.get(special, ())
        patterns = (
            own if special in ("put zone", "put corner") and rng.random() < 0.5 and own else (*patterns, *own)
        )
    return fill(expand(pick(patterns, rng), rng, bool(things) and several(things)), slots)


def _key(deed: Deed, rng: np.random.Generator) -> tuple[str, tuple[Things, ...]]:
    """The table's key for a wish, and whom it then is about: "fetch" says by itself where they are."""
    if deed.verb != "put":
        return deed.verb, deed.things
    traits = {thing.trait for thing in deed.things}
    if traits == {Trait("inside", "drawer")} and rng.random() < _FETCHED_SHARE:
        if (
            deed.things == (Things("every", Noun(THING), Trait("inside", "drawer")),)
            and deed.place == "table"
        ):
            return "empty", ()
        plain = tuple(replace(thing, trait=None) for thing in deed.things)
        return ("fetch" if deed.place == "table" else "fetch to"), plain
    only = deed.things[0].trait
    if deed.place == "table" and len(deed.things) == 1 and only is not None and only.kind == "upon":
        return "off", (replace(deed.things[0], trait=None),)
    return "put", deed.things


def _choice(choice: Choice, rng: np.random.Generator) -> str:
    slots = {
        "c": _clause(choice.condition, rng),
        "a": _chain(choice.wish, rng) if choice.wish.deeds else "do nothing",
    }
    if not choice.otherwise.deeds:
        return _framed(fill(expand(pick(conditions.LONE_CHOICES, rng), rng), slots), rng)
    slots["b"] = _chain(choice.otherwise, rng)
    return _framed(fill(expand(pick(conditions.CHOICES, rng), rng), slots), rng)


def _clause(condition: Condition, rng: np.random.Generator) -> str:
    return _about(condition, conditions.OPPOSITES if condition.negated else conditions.CLAUSES, rng)


def _about(condition: Condition, table: Mapping[str, Sequence[str]], rng: np.random.Generator) -> str:
    kind = f"drawer {condition.state}" if condition.kind == "drawer" else condition.kind
    slots: dict[str, str] = {}
    plural = bool(condition.things) and several(condition.things)
    if kind in ("more", "same"):
        slots = {"x": _counted(condition.things, rng), "y": _counted(condition.others, rng)}
    elif kind == "several" or (kind == "some" and condition.negated):
        slots["x"] = bare(condition.things[0], rng, False)
    elif kind == "some":
        slots["x"] = " or ".join(one_at_all(things, rng) for things in condition.things)
    elif condition.things:
        slots["x"] = names(condition.things, rng)
    if condition.place:
        slots |= {"l": lying(condition.place, rng), "q": fixture(condition.place, rng)}
    if condition.trait is not None:
        slots["t"] = predicate(condition.trait, rng)
    pattern = pick(table[kind], rng)
    if "{xs}" in pattern:
        slots["xs"] = bare(condition.things[0], rng, True)
    return fill(expand(pattern, rng, plural), slots)


def _counted(things: Sequence[Things], rng: np.random.Generator) -> str:
    return " and ".join(bare(one, rng, True) for one in things)


def _question(question: Question, rng: np.random.Generator) -> str:
    if question.condition is not None:
        return _about(question.condition, conditions.QUESTIONS, rng)
    things = question.things
    trait = things[0].trait
    if question.kind == "name" and trait is not None and trait.kind in NAMING and things[0].which == "any":
        slots: dict[str, str] = {}
        if trait.place:
            slots = {"l": lying(trait.place, rng), "q": fixture(trait.place, rng)}
        if trait.other is not None:
            slots["o"] = phrase(trait.other, rng)
        return fill(expand(pick(NAMING[trait.kind], rng), rng), slots)
    told = _counted(things, rng) if question.kind == "count" else names(things, rng)
    return fill(expand(pick(ASKED[question.kind], rng), rng, several(things)), {"x": told})
