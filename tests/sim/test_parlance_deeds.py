"""Ways of wishing for one deed: whole, of many kinds, and sayable in every manner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Final

import numpy as np
import pytest

from sim.goals.parlance import speaking
from sim.goals.parlance.deeds import IMPERATIVES, REMARKS, STATEMENTS
from sim.goals.parlance.pattern import expand
from sim.goals.parlance.speaking import said
from vla.planner.meaning import Deed, Noun, Things, Wish
from vla.planner.sayings import CORNERS

_TABLES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "imperatives": IMPERATIVES,
    "statements": STATEMENTS,
    "remarks": REMARKS,
}
_SLOTS: Final = {
    "fetch": {"x"}, "fetch to": set("xpql"), "fetch up": {"x"}, "off": set("xy"), "stack": set("xy"),
    "tower": set("xyz"), "swap": set("xy"), "hold": {"x"}, "reach": {"x"}, "clear": {"x"}, "pile": {"x"},
    "sort": {"x"},
}  # fmt: skip


def _slots(key: str) -> set[str]:
    return set("xpql") if key.startswith("put") else _SLOTS.get(key, set())


@pytest.mark.parametrize("manner", _TABLES)
def test_every_pattern_opens_into_words_and_slots_that_its_wish_has(manner: str) -> None:
    rng = np.random.default_rng(0)
    for key, patterns in _TABLES[manner].items():
        for pattern in patterns:
            for plural in (False, True):
                text = expand(pattern, rng, plural)
                assert not re.search(r"[()|\[\]/]", text), pattern
                named = {slot for _, slot, _, _ in Formatter().parse(text) if slot}
                assert named <= _slots(key), pattern
                assert named >= _slots(key) - set("pql"), pattern


def test_a_pattern_of_a_placing_names_the_place() -> None:
    for table in _TABLES.values():
        for key in (key for key in table if key.startswith("put") or key == "fetch to"):
            assert [p for p in table[key] if not re.search(r"\{[pql]\}", p)] == []


def test_the_manners_know_the_same_wishes_and_no_question_follows_a_frame() -> None:
    assert set(IMPERATIVES) == set(STATEMENTS) == set(REMARKS)
    for table in (IMPERATIVES, STATEMENTS):
        assert [p for patterns in table.values() for p in patterns if "?" in p] == []


@pytest.mark.parametrize("place", ["bowl", "tray", "drawer", "zone", "table", *CORNERS])
def test_a_placing_is_said_in_every_manner(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wish = Wish((Deed("put", (Things("the", Noun("star", "red")),), place),))
    rng = np.random.default_rng(0)
    for statements, remarks in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        monkeypatch.setattr(speaking, "_STATEMENT_SHARE", statements)
        monkeypatch.setattr(speaking, "_REMARK_SHARE", remarks)
        texts = {said(wish, rng) for _ in range(200)}
        assert len(texts) > 120
        assert all("star" in text for text in texts)
