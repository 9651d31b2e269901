"""Further wordings of goals: they fit their templates, add to them, and give no held-out wording away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest

from sim.goals import TEMPLATES
from sim.goals.phrasings import PHRASINGS
from sim.goals.phrasings.frames import filled

FIXED_PLACES = re.compile(r"\bthe (?:bowl|tray|drawer|zone|marked square|front left corner)\b")
"""Places that some templates spell out where others have a slot."""


def expanded(wordings: tuple[str, ...]) -> Iterator[str]:
    """Every reading of wordings with alternatives, slots left as they are."""
    for wording in wordings:
        parts = re.split(r"\(([^()]*)\)", wording)
        options = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
        yield from (" ".join("".join(chosen).split()) for chosen in product(*options))


def slots(wording: str) -> frozenset[str]:
    return frozenset(re.findall(r"\{(\w+)\}", wording))


def bare(wording: str) -> str:
    """A wording without its stop; `{x}` equals `{y}`, and a slot a place that is spelled out."""
    return FIXED_PLACES.sub("_", re.sub(r"\{\w+\}", "_", wording)).rstrip(" .?")


HELD_OUT = frozenset(bare(wording) for template in TEMPLATES.values() for wording in expanded(template.test))


def test_every_goal_of_training_has_many_wordings_and_held_out_goals_have_none() -> None:
    assert set(PHRASINGS) == {name for name, template in TEMPLATES.items() if not template.held_out}
    assert {name: len(wordings) for name, wordings in PHRASINGS.items() if len(wordings) < 16} == {}


@pytest.mark.parametrize("name", sorted(PHRASINGS))
def test_slots_are_those_of_the_templates_own_wordings(name: str) -> None:
    known = {slots(wording) for wording in expanded(TEMPLATES[name].train)}
    assert {wording for wording in expanded(PHRASINGS[name]) if slots(wording) not in known} == set()


@pytest.mark.parametrize("name", sorted(PHRASINGS))
def test_wordings_are_new(name: str) -> None:
    mine = list(expanded(PHRASINGS[name]))
    assert [wording for wording, count in Counter(mine).items() if count > 1] == []
    assert set(mine) & set(expanded(TEMPLATES[name].train)) == set()


@pytest.mark.parametrize("name", sorted(PHRASINGS))
def test_no_wording_is_a_held_out_wording_of_any_goal(name: str) -> None:
    told = sum(bare(wording) in HELD_OUT for wording in expanded(PHRASINGS[name]))
    assert told == 0, f"{told} readings of {name} are held-out wordings"  # which ones stays untold


@pytest.mark.parametrize("name", sorted(PHRASINGS))
def test_wordings_are_plain_lower_case_without_nested_brackets(name: str) -> None:
    for wording in PHRASINGS[name]:
        assert re.fullmatch(r"[a-z ,?:'|(){}.;!-]+", wording), wording
        assert "(" not in re.sub(r"\([^()]*\)", "", wording), wording
    assert [w for w in expanded(PHRASINGS[name]) if re.search(r"\s[,?:]|[,:]$", w)] == []


def test_slots_are_filled_at_once() -> None:
    assert filled(("push {x} to {p}",), x="{p}", p="the zone") == ("push {p} to the zone",)
