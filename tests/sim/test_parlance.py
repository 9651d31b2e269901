"""Sentences for meanings: whole, the same for the same seed, and never with the wrong meaning."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from sim.goals import TEMPLATES, phrasings
from sim.goals.parlance import conditions, deeds, foreign, frames, naming, questions, said, some_meaning
from sim.goals.parlance.exceptions import EXCEPTIONS
from sim.goals.parlance.pattern import expand, fill, slots_of
from sim.goals.parlance.supposing import asked, clause, denial
from sim.goals.parlance.typing import mistyped
from sim.goals.phrasings import PHRASINGS
from sim.goals.phrasings.examination import EXAMINATION
from sim.goals.wordlists import read_wordings
from vla.planner.meaning import (
    RELATIONS,
    SUPERLATIVES,
    Choice,
    Condition,
    Deed,
    Meaning,
    Noun,
    Question,
    Things,
    Trait,
    Wish,
)
from vla.planner.meaning_text import meaning_next, meaning_vocabulary, parse_meaning
from vla.planner.meaning_words import format_meaning

_KINDS = {
    "button": (), "some": ("x", "xs"), "several": ("x", "xs"), "more": ("x", "y"), "same": ("x", "y"),
    "empty": ("l", "q"), "covered": ("x",), "is": ("x", "t"), "is inside": ("x", "t", "l", "q"),
    "is upon": ("x", "t", "o"), "is beneath": ("x", "t", "o"), "is left of": ("x", "t", "o"),
    "is right of": ("x", "t", "o"), "is stacked": ("x", "t"), "drawer open": (), "drawer closed": (),
}  # fmt: skip
"""Kind of condition to the slots that it fills."""
_RELATED = {"inside": "lq", **dict.fromkeys(RELATIONS, "o"), **dict.fromkeys((*SUPERLATIVES, "stacked"), "")}
_PRESS, _OPEN, _CLOSE = (Wish((Deed(verb),)) for verb in ("press", "open", "close"))


def _drawn(count: int, seed: int = 0) -> list[tuple[Meaning, str]]:
    rng = np.random.default_rng(seed)
    return [(meaning := some_meaning(rng), said(meaning, rng)) for _ in range(count)]


def _wordings(pattern: str) -> set[str]:
    """Everything that a pattern's alternatives allow."""
    match = re.search(r"\(([^()]*)\)", pattern)
    if match is None:
        return {" ".join(pattern.split())}
    start, end = pattern[: match.start()], pattern[match.end() :]
    return set().union(*(_wordings(start + choice + end) for choice in match[1].split("|")))


def _tables() -> list[tuple[str, str, Sequence[str], set[str]]]:
    """Name, key, patterns and the slots that they may have, of every table."""
    found: list[tuple[str, str, Sequence[str], set[str]]] = []
    for name in ("CLAUSES", "OPPOSITES", "QUESTIONS"):
        table: Mapping[str, Sequence[str]] = getattr(conditions, name)
        found += [(name, kind, patterns, set(_KINDS[kind])) for kind, patterns in table.items()]
    found += [("PREDICATES", kind, ps, set(_RELATED[kind])) for kind, ps in conditions.PREDICATES.items()]
    found += [("NAMING", kind, ps, {"t", *_RELATED[kind]}) for kind, ps in naming.NAMING.items()]
    found += [
        ("ASKED", kind, patterns, set("xlq" if kind == "count inside" else "x"))
        for kind, patterns in questions.ASKED.items()
    ]
    for name in ("IMPERATIVES", "STATEMENTS", "REMARKS"):
        found += [(name, kind, patterns, set("xyzpql")) for kind, patterns in getattr(deeds, name).items()]
    found += [
        ("around", "", (*conditions.AFFIRMED, *conditions.DENIED, *conditions.ENQUIRIES), {"c"}),
        ("NAMED", "", naming.NAMED, {"t"}),
        ("CHOICES", "", conditions.CHOICES, set("abcdk")),
        ("LONE_CHOICES", "", conditions.LONE_CHOICES, set("acdkm")),
        ("foreign", "", (*foreign.ALONE, *foreign.TO_THINGS), {"x"}),
        ("two", "", (*frames.THEN, *frames.AND), set("ab")),
        ("two within", "", (*frames.THEN_WITHIN, *frames.AND_WITHIN), set("ab")),
        ("three", "", (*frames.THEN_THREE, *frames.AND_THREE), set("abc")),
    ]
    return found


@pytest.mark.parametrize(
    ("patterns", "slots"), [pytest.param(ps, slots, id=f"{n} {k}") for n, k, ps, slots in _tables()]
)
def test_every_pattern_is_filled_by_the_slots_of_its_table(patterns: Sequence[str], slots: set[str]):
    rng = np.random.default_rng(0)
    for pattern, plural in itertools.product(patterns, (False, True)):
        assert slots_of(pattern) <= slots, pattern
        for _ in range(4):
            text = fill(expand(pattern, rng, plural), dict.fromkeys(slots, "slot"))
            assert not set(text) & set("{}[]()|"), pattern
            assert "  " not in text


@pytest.mark.parametrize("pattern", [*frames.THEN, *frames.AND, *frames.THEN_WITHIN, *frames.AND_WITHIN])
def test_no_link_loses_a_wish(pattern: str):
    assert all(slots_of(wording) == {"a", "b"} for wording in _wordings(pattern))


@pytest.mark.parametrize("pattern", [*frames.THEN_THREE, *frames.AND_THREE])
def test_no_link_of_three_loses_a_wish(pattern: str):
    assert slots_of(pattern) == {"a", "b", "c"}


def test_in_order_and_in_any_order_are_never_said_alike():
    def all_wordings(patterns: Sequence[str]) -> set[str]:
        return set().union(*map(_wordings, patterns))

    assert not all_wordings(frames.THEN) & all_wordings(frames.AND)
    assert not all_wordings(frames.THEN_THREE) & all_wordings(frames.AND_THREE)
    assert not all_wordings(frames.THEN_WITHIN) & all_wordings(frames.AND_WITHIN)


def test_affirmation_and_denial_are_never_said_alike():
    def all_wordings(table: Mapping[str, Sequence[str]], kind: str) -> set[str]:
        return set().union(*map(_wordings, table[kind]))

    for kind in conditions.OPPOSITES:
        assert not all_wordings(conditions.CLAUSES, kind) & all_wordings(conditions.OPPOSITES, kind)
    for table in (conditions.CLAUSES, conditions.QUESTIONS):
        assert not all_wordings(table, "drawer open") & all_wordings(table, "drawer closed")


def test_every_kind_of_condition_can_be_denied_and_asked_for():
    without_own_opposite = {"drawer open", "drawer closed"}
    assert conditions.CLAUSES.keys() - without_own_opposite == conditions.OPPOSITES.keys()
    assert conditions.CLAUSES.keys() == conditions.QUESTIONS.keys()
    assert all(question.endswith("?") for table in conditions.QUESTIONS.values() for question in table)


def test_two_wishes_are_chosen_by_the_condition_that_is_mentioned_first():
    for pattern in conditions.CHOICES:
        first = re.search(r"{[cdk]}", pattern)
        assert first is not None
        assert first[0] != "{d}", pattern
        assert {"a", "b"} <= slots_of(pattern)


def test_unless_turns_a_lone_condition_around():
    for pattern in conditions.LONE_CHOICES:
        if re.search("unless|except|but not|only not", pattern):
            assert slots_of(pattern) == {"a", "d"}, pattern


@pytest.mark.parametrize("state", ["open", "closed"])
def test_unless_the_drawer_means_its_other_state(state: str):
    rng = np.random.default_rng(1)
    other = {"open": "closed", "closed": "open"}[state]
    choice = Choice(Condition("drawer", state), _PRESS, Wish())
    texts = [text for _ in range(4000) if "unless the drawer is" in (text := said(choice, rng))]
    assert any(re.search(rf"unless the drawer is (\w+ )?{other}", text) for text in texts)
    assert not any(re.search(rf"unless the drawer is {state}\b", text) for text in texts)
    assert format_meaning(choice) == f"if drawer {state} do press ."


@pytest.mark.parametrize("negated", [False, True])
def test_a_choice_by_anything_names_both_wishes(negated: bool):
    rng = np.random.default_rng(2)
    condition = Condition("empty", place="bowl", negated=negated)
    for _ in range(300):
        text = said(Choice(condition, _PRESS, _OPEN), rng)
        assert "button" in text
        assert "drawer" in text
        assert re.search("bowl|dish|basin", text)


def test_a_denied_denial_is_the_condition_itself():
    for condition in (Condition("drawer", "open"), Condition("button", "pressed", negated=True)):
        assert denial(denial(condition)) == condition
        assert denial(condition) != condition


def test_a_negated_drawer_is_said_as_its_other_state():
    rng = np.random.default_rng(3)
    closed = set().union(*map(_wordings, conditions.CLAUSES["drawer closed"]))
    texts = {clause(Condition("drawer", "open", negated=True), rng) for _ in range(200)}
    assert len(texts & closed) > 10
    assert not texts & set().union(*map(_wordings, conditions.CLAUSES["drawer open"]))


def test_what_is_not_so_cannot_be_asked_for_but_the_drawer_can():
    rng = np.random.default_rng(4)
    assert asked(Condition("button", "pressed", negated=True), rng) is None
    assert asked(Condition("drawer", "open", negated=True), rng) is not None


def test_whatever_has_a_trait_can_be_asked_for():
    rng = np.random.default_rng(5)
    for kind, slots in _RELATED.items():
        trait = Trait(
            kind, "bowl" if "l" in slots else "", Things("the", Noun("tray")) if slots == "o" else None
        )
        for which in ("any", "the"):
            text = said(Question("name", (Things(which, Noun("thing"), trait),)), rng)
            assert not set(text) & set("{}[]()|")


def test_sentences_are_whole():
    for _, text in _drawn(1500):
        assert not set(text) & set("{}[]()|")
        assert text == " ".join(text.split())
        assert not re.search(r" [,.;:?!]|\ba [aeiou](?!ne\b)", text), text


def test_a_seed_gives_one_sentence_and_another_seed_another():
    assert _drawn(50, 7) == _drawn(50, 7)
    assert _drawn(50, 7) != _drawn(50, 8)


def test_one_meaning_has_very_many_sentences():
    rng = np.random.default_rng(6)
    choice = Choice(Condition("drawer", "open"), _CLOSE, _PRESS)
    assert len({said(choice, rng) for _ in range(300)}) > 290


def test_meanings_survive_being_written_and_use_the_languages_words():
    vocabulary = meaning_vocabulary()
    for meaning, _ in _drawn(2000, 9):
        words = format_meaning(meaning)
        assert parse_meaning(words) == meaning
        assert set(words.split()) <= vocabulary


def test_what_comes_next_in_a_drawn_meaning_is_among_what_may():
    for meaning, _ in _drawn(300, 10):
        words = format_meaning(meaning).split()
        assert all(word in meaning_next(words[:at]) for at, word in enumerate(words))
        assert not meaning_next(words)


def test_what_is_typed_in_a_hurry_differs_by_a_letter_or_an_article() -> None:
    rng = np.random.default_rng(2)
    text = "put the yellow cylinder on the tray and close the drawer"
    found = {mistyped(text, rng) for _ in range(200)}
    assert len(found) > 20
    for hasty in found - {text}:
        lost = [word for word in text.split() if word not in (*hasty.split(), "the")]
        assert not lost or (len(lost) == 1 and len(lost[0]) >= 5), hasty
        if lost:
            (new,) = [word for word in hasty.split() if word not in text.split()]
            assert (new[0], new[-1]) == (lost[0][0], lost[0][-1])
            assert abs(len(new) - len(lost[0])) <= 1
    assert mistyped("open it", rng) == "open it"


def test_collected_wordings_are_read_by_name() -> None:
    people = read_wordings(Path(phrasings.__file__).with_name("people.txt"))
    assert set(EXAMINATION) <= set(TEMPLATES)
    assert set(people) == {name for name in people if not TEMPLATES[name].held_out}
    assert min(len(wordings) for wordings in people.values()) >= 30
    assert people["press"][0] in PHRASINGS["press"]
    assert EXAMINATION["press"][0] in TEMPLATES["press"].test


def test_exceptions_are_said_beside_their_kind_or_apart_from_it() -> None:
    everything = {"orders apart", "orders rest", "statements apart", "statements rest"}
    assert EXCEPTIONS.keys() - everything == {"rest of a kind", "everything else"}
    for how in everything:
        assert all(slots_of(pattern) == {"d", "e"} for pattern in EXCEPTIONS[how]), how
    rng = np.random.default_rng(3)
    wish = Wish(
        (Deed("put", (Things("every", Noun("block"), but=(Things("the", Noun("ball", "red")),)),), "zone"),)
    )
    texts = [said(wish, rng) for _ in range(400)]
    assert not any(set(text) & set("{}[]()|") for text in texts)
    rest = [text for text in texts if re.search("(other|rest|remain|left|further|mentioned)", text)]
    assert 40 < len(rest) < 200
    plain = Wish((Deed("put", (Things("every", Noun("block")),), "zone"),))
    assert not any(re.search("the (rest|remainder)|remaining", said(plain, rng)) for _ in range(400))
