"""Captions: what is true of a scene, worded in many ways, and what differs from it in one attribute.

The grammar is that of :mod:`sim.language`: round brackets hold alternatives. Held-out phrasings are never
drawn for training.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from sim.language import PLACES as PLACE_WORDS
from sim.language import RELATIONS, SHAPE_WORDS
from sim.randomise import Split
from sim.statements import NUMBER, STATEMENTS, Noun, Statement, changes

_TRAIN: Final = {
    "there": (
        "(a|one) {s}", "there is a {s}", "a (picture|photo|view|scene) (of|with) a {s}",
        "a {s} among other things", "(here is|you can see|i see) a {s}", "the {s} is (here|there)",
    ),
    "count": (
        "{v}", "there (is|are) {v}", "a (picture|scene) (of|with) {v}", "i (count|see) {v}",
    ),
    "side": (
        "a {s} {v}", "the {s} is {v}", "there is a {s} {v}", "the {s} (lies|stands|rests) {v}",
        "a (picture|scene) of a {s} {v}",
    ),
    "on": (
        "a {s} on (a|the) {l}", "the {s} is on top of the {l}", "the {s} (sits|lies|rests|stands) on the {l}",
        "there is a {s} (on|on top of|upon) a {l}", "a (tower|stack) of a {s} on a {l}",
    ),
    "in": (
        "a {s} {v}", "the {s} is {v}", "there is a {s} {v}", "the {s} (lies|rests|is lying|sits) {v}",
        "a (picture|scene) of a {s} {v}",
    ),
    "held": (
        "the (gripper|robot|hand) (holds|is holding|has) a {s}", "a {s} in the (gripper|hand|air)",
        "the {s} is (held|lifted|picked up|in the air)",
        "the (arm|robot) has (lifted|picked up|grasped) the {s}",
    ),
    "contents": (
        "(a|an|the) {v} {l}", "the {l} is {v}", "there is {x} the {l}", "a (picture|scene) with an {v} {l}",
    ),
    "drawer": (
        "the drawer is {v}", "(a|an|the) {v} drawer", "a (picture|scene) with the drawer {v}",
        "the drawer (stands|has been left) {v}",
    ),
    "gripper": (
        "the (gripper|hand) is {v}", "(a|an|the) {v} (gripper|hand)", "the (robot|arm|gripper) holds {x}",
    ),
}  # fmt: skip

_TEST: Final = {
    "there": ("an image of a {s}", "somewhere there is a {s}", "this shows a {s}"),
    "count": ("there are exactly {v}", "an image of {v}"),
    "side": ("you see a {s} {v}", "an image of a {s} {v}", "the {s} is placed {v}"),
    "on": ("a {s} stacked on a {l}", "the {s} is stacked on the {l}", "an image of a {s} on a {l}"),
    "in": ("you see a {s} {v}", "an image of a {s} {v}", "the {s} has been put {v}"),
    "held": ("the arm is holding a {s}", "a {s} is between the fingers", "the {s} is in the gripper"),
    "contents": ("an image of an {v} {l}", "you see {x} the {l}"),
    "drawer": ("an image of a drawer that is {v}", "you see a drawer that is {v}"),
    "gripper": ("the fingers hold {x}", "an image of an {v} gripper"),
}  # fmt: skip

_IN: Final = {
    "bowl": ("in", "inside"), "tray": ("on", "in"), "drawer": ("in", "inside"), "zone": ("in", "inside"),
}  # fmt: skip
_TABLE = ("on the table", "lying on the table")
_STATE_WORDS: Final = {
    "open": ("open", "open", "pulled out"), "closed": ("closed", "closed", "shut"),
    "empty": ("empty",), "full": ("filled", "filled", "used"),
}  # fmt: skip
_IN_WORDS: Final = {"empty": ("nothing",), "full": ("something", "something", "a thing")}
_COUNTS: Final = {"1": "one", "2": "two", "3": "three", "4": "four"}
BARE: Final = "{words}"
"""The template of no sentence at all: only the words that matter."""
UNFITTING: Final = "the drawer has been left open, the bowl is empty: {words}, held by the gripper"
"""A template that says other things as well, true or not: how much a prompt can spoil."""


def templates(kind: str, split: Split) -> tuple[str, ...]:
    """The phrasings of a kind of statement, for :func:`caption`'s ``template``."""
    return (_TRAIN if split == "train" else _TEST)[kind]


def caption(
    statement: Statement,
    split: Split = "train",
    rng: np.random.Generator | None = None,
    template: str | None = None,
) -> str:
    """Word a statement.

    Args:
        statement: What to say.
        split: Training phrasings or held-out ones.
        rng: Chooses phrasing and synonyms; None takes the first of each: a fixed prompt.
        template: One of :func:`templates`, BARE or UNFITTING; None leaves the choice to ``rng``.
    """
    if template in (BARE, UNFITTING):
        return template.format(words=_bare(statement, rng))
    if template is None:
        template = _choose(templates(statement.kind, split), rng)
    words = re.sub(r"\(([^()]*)\)", lambda match: _choose(match[1].split("|"), rng), template)
    text = words.format(
        s=_noun(statement.subject, rng),
        v=_value(statement, rng),
        l=_landmark(statement, rng),
        x=_inside(statement, rng),
    )
    return re.sub(r"\b(an?) (\w)", lambda m: ("an " if m[2] in "aeiou" else "a ") + m[2], text)


def prompts(statement: Statement, split: Split) -> tuple[str, ...]:
    """One wording per phrasing of the split, the same each time: an ensemble of prompts."""
    return tuple(caption(statement, split, None, t) for t in templates(statement.kind, split))


def vocabulary(seed: int = 0, count: int = 6) -> list[str]:
    """Training captions that hold every word, to train a tokenizer on."""
    rng = np.random.default_rng(seed)
    return [caption(s, "train", rng) for s in STATEMENTS if not s.held_out for _ in range(count)][:60_000]


def negatives(statement: Statement, held_out: bool = False) -> list[tuple[str, int]]:
    """What may be said instead, as (attribute, number in ``STATEMENTS``); not necessarily false of a scene.

    Args:
        statement: What is true.
        held_out: Whether pairs that no training scene contains may be named. In training they would always
            be wrong, and a network would learn that they never exist.
    """
    return [
        (attribute, NUMBER[other])
        for attribute, group in changes(statement).items()
        for other in group
        if held_out or not other.held_out
    ]


def _choose(options: tuple[str, ...] | list[str], rng: np.random.Generator | None) -> str:
    return options[0] if rng is None else options[int(rng.integers(len(options)))]


def _noun(noun: Noun | None, rng: np.random.Generator | None) -> str:
    if noun is None:
        return ""
    word = _choose(SHAPE_WORDS[noun.shape], rng)
    return word if noun.colour is None else f"{noun.colour} {word}"


def _landmark(statement: Statement, rng: np.random.Generator | None) -> str:
    mark = statement.landmark
    if isinstance(mark, str):
        return _choose(PLACE_WORDS[mark], rng).removeprefix("the ")
    return _noun(mark, rng)


def _value(statement: Statement, rng: np.random.Generator | None) -> str:
    value = statement.value
    match statement.kind:
        case "count":
            word = _choose(SHAPE_WORDS[statement.subject.shape], rng) if statement.subject else ""
            return f"{_COUNTS[value]} {word}{'' if value == '1' else 's' if not word.endswith('x') else 'es'}"
        case "side":
            return _choose(RELATIONS[value], rng).format(f"the {_landmark(statement, rng)}")
        case "in" if value == "table":
            return _choose(_TABLE, rng)
        case "in":
            return f"{_choose(_IN.get(value, ('in',)), rng)} {_choose(PLACE_WORDS[value], rng)}"
    return _choose(_STATE_WORDS[value], rng) if value else ""


def _inside(statement: Statement, rng: np.random.Generator | None) -> str:
    if statement.value not in _IN_WORDS:
        return ""
    words = _choose(_IN_WORDS[statement.value], rng)
    if statement.kind == "gripper":
        return words
    return f"{words} {_IN[statement.landmark][0] if isinstance(statement.landmark, str) else 'in'}"


def _bare(statement: Statement, rng: np.random.Generator | None) -> str:
    parts = (_noun(statement.subject, rng), _value(statement, rng), "")
    if statement.kind == "count":
        return _value(statement, rng)
    if statement.kind in ("on", "contents"):
        parts = (parts[0], parts[1], _landmark(statement, rng))
    elif statement.kind in ("drawer", "gripper", "held"):
        parts = (*parts[:2], {"held": "gripper"}.get(statement.kind, statement.kind))
    return " ".join(part for part in parts if part)
