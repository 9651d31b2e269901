"""What things are called: many ways, of which the plain one is usual, and none that leaves a pattern open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import Formatter

import numpy as np
import pytest

from sim.goals.parlance import groups, names, said, some_meaning
from sim.goals.parlance.conditions import PREDICATES
from sim.goals.parlance.foreign import ALONE, CHAT, TO_THINGS
from sim.goals.parlance.foreign.talk import QUESTIONS
from sim.goals.parlance.nounless import ALL_THAT, WHATEVER
from sim.goals.parlance.pattern import expand
from sim.goals.parlance.phrases import predicate
from sim.goals.parlance.traits import TRAITS
from vla.planner.meaning import PLACES, RELATIONS, SUPERLATIVES, Noun, Things, Trait, Unknown
from vla.planner.sayings import COLOURS, FIXTURES, SHAPES

KINDS = {"inside", "stacked", *SUPERLATIVES, *RELATIONS}


def slots(pattern: str) -> set[str]:
    return {slot for _, slot, _, _ in Formatter().parse(pattern) if slot}


def constructions(patterns: Iterable[str]) -> int:
    return sum(
        np.prod([part.count("|") + 1 for part in re.findall(r"\(([^()]*)\)", pattern)], dtype=int)
        for pattern in patterns
    )


def test_whatever_can_be_meant_has_names() -> None:
    assert set(names.SHAPES) == {*SHAPES, "thing"}
    assert set(names.COLOURS) == set(COLOURS)
    assert set(names.FIXTURES) >= {*FIXTURES, *PLACES}
    assert set(TRAITS) == set(PREDICATES) == KINDS


@pytest.mark.parametrize("colour", COLOURS)
def test_nine_colours_of_ten_are_plain_and_no_other_means_two(colour: str) -> None:
    called = names.COLOURS[colour]
    assert 0.88 < called.count(colour) / len(called) < 0.92
    others = {name for other in COLOURS if other != colour for name in names.COLOURS[other]}
    assert not others & set(called)


def test_no_name_means_two_shapes_or_two_places() -> None:
    for table in (names.SHAPES, names.FIXTURES):
        sets = [set(called) for called in table.values()]
        assert sum(map(len, sets)) == len(set().union(*sets))


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        *[(patterns, {"n"}) for patterns in TRAITS.values()],
        *[
            (patterns, set[str]())
            for patterns in (*PREDICATES.values(), *WHATEVER.values(), *ALL_THAT.values())
        ],
        *[(patterns, {"c"}) for patterns in (groups.GROUPS["every_coloured"],)],
        *[(patterns, {"x", "y"}) for patterns in (groups.GROUPS["but"],)],
        *[(patterns, {"a", "b"}) for patterns in (groups.GROUPS["lists"],)],
        *[(patterns, {"a", "b", "c"}) for patterns in (groups.LONG_LISTS,)],
        (groups.GROUPS["everything"], set[str]()),
        (TO_THINGS, {"x"}),
        ((*ALONE, *CHAT), set[str]()),
    ],
)
def test_patterns_open_into_words_and_their_slots(patterns: tuple[str, ...], wanted: set[str]) -> None:
    rng = np.random.default_rng(0)
    for pattern in patterns:
        for plural in (False, True):
            text = expand(pattern, rng, plural)
            assert not re.search(r"[()|\[\]/]", text), pattern
            assert slots(text) >= wanted, pattern
            assert slots(text) <= wanted | {"l", "o", "q"}, pattern


def test_there_is_much_that_nobody_here_can_do() -> None:
    assert constructions(TO_THINGS) >= 300
    assert constructions(ALONE) >= 300
    assert [text for text in QUESTIONS if not text.endswith("?")] == []
    rng = np.random.default_rng(0)
    assert len({said(Unknown(), rng) for _ in range(500)}) > 450


def test_every_trait_can_follow_is() -> None:
    rng = np.random.default_rng(0)
    for kind in KINDS:
        place = "tray" if kind == "inside" else ""
        other = Things("the", Noun("block", "red")) if kind in RELATIONS else None
        text = predicate(Trait(kind, place, other), rng)
        assert text
        assert "{" not in text


def test_sentences_are_tidy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(1500):
        text = said(some_meaning(rng), rng)
        assert not re.search(
            r"[{}\[\]|]|  | [,.;:?]|,[,.;:?]|^,|,$|\ba (orange|object|item|emerald)\b", text
        ), text
