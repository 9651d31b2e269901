"""From a meaning to one of the many sentences that say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sim.goals.parlance import conditions, frames
from sim.goals.parlance.asking import question
from sim.goals.parlance.deeds import IMPERATIVES, REMARKS, STATEMENTS
from sim.goals.parlance.exceptions import exceptions_to
from sim.goals.parlance.foreign import ALONE, CHAT, TO_THINGS
from sim.goals.parlance.names import ONTO, UPON
from sim.goals.parlance.pattern import expand, fill, pick, slots_of
from sim.goals.parlance.phrases import fixture, into, lying, names, phrase, remaining, several
from sim.goals.parlance.supposing import asked, clause, denial
from vla.planner.meaning import (
    THING,
    Choice,
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
_APART_SHARE = 0.6
_ALONE_SHARE = 0.4
_CHAT_SHARE = 0.12
_TOWER_SHARE = 0.85
_PUSHED_SHARE = 0.5
_UNFRAMED_SHARE = 0.45
_REQUEST_SHARE = 0.3
_AFTER_SHARE = 0.35
_IN_DRAWER = Trait("inside", "drawer")
_FETCHING = {"put": "fetch to", "stack": "fetch to", "hold": "fetch up"}
"""Verb to the table's key, where it is about what is in the drawer."""
_WISH_FIRST = ("{a}", "{b}", "{c} at", "first {a}", "not only {a}", "both {a}")
"""How patterns of wishes begin that may stand behind "could you"."""
_LENGTHENS = re.compile(r"{a}(?!.*(first|begin))")
_SUBJECTS = ("the ", "every", "all ", "nothing ")
"""How statements begin that may stand behind "make sure that"."""

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
            return question(meaning, rng)
        case Wish():
            return _wish(meaning, rng)
        case Choice():
            return _choice(meaning, rng)


def _framed(text: str, rng: np.random.Generator, imperative: bool = True) -> str:
    """A wish with or without something before and after it.

    Args:
        text: The wish.
        rng: Chooses.
        imperative: Whether it begins with a verb, which then may stand behind "could you".
    """
    if text.endswith("?"):
        return text
    before = after = ""
    if rng.random() >= _UNFRAMED_SHARE:
        draw = rng.random() if imperative else 1.0
        if draw < _REQUEST_SHARE:
            before = pick(frames.REQUESTS, rng)
            after = pick(("?", "?", " please?", ""), rng)
        else:
            before = pick(frames.BEFORE if imperative else frames.OPENERS, rng)
    if not after and rng.random() < _AFTER_SHARE:
        after = pick(frames.AFTER, rng)
    return _joined(before, text, after)


def _joined(before: str, text: str, after: str) -> str:
    text = text.rstrip(",;:") if after else text
    return " ".join(f"{before} {text}{after if after[:1] in tuple('.,!?') else f' {after}'}".split())


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
    text, begins = _chain(wish, rng)
    return _framed(text, rng, imperative=begins)


def _chain(wish: Wish, rng: np.random.Generator) -> tuple[str, bool]:
    """The wishes one after another, and whether that begins with one of them."""
    parts = [_deed(deed, rng, IMPERATIVES) for deed in wish.deeds]
    links, three = (frames.THEN, frames.THEN_THREE) if wish.ordered else (frames.AND, frames.AND_THREE)
    if len(parts) == 3 and rng.random() < 0.7:
        pattern = pick(three, rng)
        text = fill(expand(pattern, rng), dict(zip("abc", parts, strict=True)))
        return text, pattern.startswith(_WISH_FIRST)
    return _linked(parts, links, rng)


def _linked(parts: Sequence[str], links: Sequence[str], rng: np.random.Generator) -> tuple[str, bool]:
    text, begins = parts[0], True
    # "before b, a" and "a first, then b" only fit where there are two.
    fitting = links if len(parts) == 2 else [link for link in links if _LENGTHENS.match(link)]
    for part in parts[1:]:
        link = pick(fitting, rng)
        text = fill(expand(link, rng), {"a": text, "b": part})
        begins = begins and link.startswith(_WISH_FIRST)
    return text, begins


def _manner(rng: np.random.Generator) -> tuple[_Table, Callable[[str, np.random.Generator], str]]:
    """Whether somebody orders, states or remarks, and what may go around that."""
    draw = rng.random()
    if draw < _STATEMENT_SHARE:
        return STATEMENTS, _stated
    return (REMARKS, _alone) if draw < _STATEMENT_SHARE + _REMARK_SHARE else (IMPERATIVES, _framed)


def _stated(text: str, rng: np.random.Generator) -> str:
    if text.endswith("?"):
        return text
    before = after = ""
    if rng.random() >= _UNFRAMED_SHARE:
        before = pick(frames.BEFORE_STATEMENTS, rng)
        if text.startswith(_SUBJECTS) and rng.random() < 0.5:
            before = pick(frames.SEE_TO_IT, rng)
    if rng.random() < _AFTER_SHARE:
        after = pick(frames.AFTER_STATEMENTS, rng)
    return _joined(before, text, after)


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
    """One wish in one of the ways of a table, with what it leaves out."""
    left_out = deed.things[0].but if len(deed.things) == 1 else ()
    how = pick(("apart", "rest"), rng)
    patterns = exceptions_to(table, how)
    if not (left_out and patterns and rng.random() < _APART_SHARE):
        return _whole_deed(deed, rng, table, names)
    whole = replace(deed, things=(replace(deed.things[0], but=()),))
    told = _whole_deed(whole, rng, table, names if how == "apart" else _remaining)
    exception = expand(pick(patterns, rng), rng, several(left_out))
    return fill(exception, {"d": told, "e": names(left_out, rng)})


def _remaining(things: Sequence[Things], rng: np.random.Generator) -> str:
    return remaining(things[0], rng)


def _whole_deed(
    deed: Deed,
    rng: np.random.Generator,
    table: _Table,
    call: Callable[[Sequence[Things], np.random.Generator], str],
) -> str:
    """One wish in one of the ways of a table; ``call`` says what its things are called."""
    key, things = _key(deed, rng)
    slots: dict[str, str] = {}
    if things:
        slots["x"] = call(things, rng)
    if deed.place:
        slots |= {"p": into(deed.place, rng), "q": fixture(deed.place, rng), "l": lying(deed.place, rng)}
    if deed.other is not None:
        slots["y"] = phrase(deed.other, rng)
        slots |= {"p": f"{pick(ONTO, rng)} {slots['y']}", "l": f"{pick(UPON, rng)} {slots['y']}"}
    if key == "off":
        trait = deed.things[0].trait
        assert trait is not None
        assert trait.other is not None
        slots["y"] = phrase(trait.other, rng)
    patterns = table[key]
    if key == "fetch to":  # "to the tray" is said of places alone
        patterns = [pattern for pattern in patterns if slots_of(pattern) <= slots.keys()]
    if key == "put":
        special = "put corner" if deed.place in CORNERS else f"put {deed.place}"
        own = table.get(special, ())
        pushed = special in ("put zone", "put corner") and own and rng.random() < _PUSHED_SHARE
        patterns = own if pushed else (*patterns, *own)
    return fill(expand(pick(patterns, rng), rng, bool(things) and several(things)), slots)


def _key(deed: Deed, rng: np.random.Generator) -> tuple[str, tuple[Things, ...]]:
    """The table's key for a wish, and whom it then is about: "fetch" says by itself where they are."""
    traits = {thing.trait for thing in deed.things}
    if deed.verb in _FETCHING and traits == {_IN_DRAWER} and rng.random() < _FETCHED_SHARE:
        if deed.things == (Things("every", Noun(THING), _IN_DRAWER),) and deed.place == "table":
            return "empty", ()
        plain = tuple(replace(thing, trait=None) for thing in deed.things)
        return ("fetch" if deed.place == "table" else _FETCHING[deed.verb]), plain
    if deed.verb != "put":
        return deed.verb, deed.things
    only = deed.things[0].trait
    if deed.place == "table" and len(deed.things) == 1 and only is not None and only.kind == "upon":
        return "off", (replace(deed.things[0], trait=None),)
    return "put", deed.things


def _choice(choice: Choice, rng: np.random.Generator) -> str:
    condition, opposite = choice.condition, denial(choice.condition)
    slots = {
        "c": clause(condition, rng),
        "d": clause(opposite, rng),
        "a": _within(choice.wish, rng),
    }
    patterns = conditions.LONE_CHOICES
    if choice.otherwise.deeds:
        slots["b"] = _within(choice.otherwise, rng)
        patterns = conditions.CHOICES
    for slot, about in (("k", condition), ("m", opposite)):
        enquired = asked(about, rng)
        if enquired is not None:
            slots[slot] = enquired.removesuffix("?")
    # Not every condition can be asked for.
    fitting = [pattern for pattern in patterns if slots_of(pattern) <= slots.keys()]
    pattern = pick(fitting, rng)
    text = fill(expand(pattern, rng), slots)
    return _framed(text, rng, imperative=pattern.startswith(_WISH_FIRST))


def _within(wish: Wish, rng: np.random.Generator) -> str:
    """What to do, in one sentence."""
    if not wish.deeds:
        return "do nothing"
    links = frames.THEN_WITHIN if wish.ordered else frames.AND_WITHIN
    return _linked([_deed(deed, rng, IMPERATIVES) for deed in wish.deeds], links, rng)[0]
