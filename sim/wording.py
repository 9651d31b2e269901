"""Words for a query: joins the resolved reference with the grammar."""

from __future__ import annotations

import numpy as np

from sim.language import noun, phrase, place
from sim.randomise import Split
from sim.truth import Query

_FIXTURE_FAMILIES = ("open_drawer", "close_drawer", "press_button")


def texts(query: Query, split: Split, rng: np.random.Generator, count: int) -> list[str]:
    """``count`` wordings of a query; some may coincide."""
    return [_wording(query, split, rng) for _ in range(count)]


def _wording(query: Query, split: Split, rng: np.random.Generator) -> str:
    if query.family in _FIXTURE_FAMILIES:
        return phrase(query.family, split, "", "", "", rng)
    relation = None if query.relation is None else (query.relation[0], place(query.relation[1], rng))
    target = noun(query.colour, query.noun, relation, rng)
    if query.place:
        destination = place(query.place, rng)
    elif query.base_colour is not None:
        destination = noun(query.base_colour, query.base_noun, None, rng)
    else:
        destination = ""
    return phrase(query.family, split, target, destination, query.place, rng)
