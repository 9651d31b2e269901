"""What object queries would believe if they were sure of a table told in words."""

from __future__ import annotations

import torch

from vla.models.scene import Sighting
from vla.planner.grammar import COLOURS, FIXTURES, NAMES
from vla.planner.seen import COLUMNS, ROWS, parse_seen
from vla.planner.sight import PLACES, STATES

SURE = 20.0


def sighting_of(text: str) -> Sighting:
    """The beliefs of one picture, for a table in the words of :mod:`vla.planner.seen`."""
    seen, names, queries = parse_seen(text), len(NAMES), len(NAMES) + len(FIXTURES)
    found = Sighting(
        count=torch.zeros(1, names, 3),
        place=torch.zeros(1, names, len(PLACES)),
        base=torch.zeros(1, names, len(COLOURS)),
        over=torch.full((1, names), -SURE),
        state=torch.zeros(1, len(FIXTURES), len(STATES)),
        heat=torch.zeros(1, queries, 4),
        column=torch.zeros(1, queries, COLUMNS),
        row=torch.zeros(1, queries, ROWS),
    )
    found.count[..., 0] = SURE
    found.state[..., STATES.index("absent")] = SURE
    for k, name in enumerate(FIXTURES):
        if name not in seen.fixtures:
            continue
        state = seen.drawer if name == "drawer" else "open" if name == "button" and seen.pressed else "there"
        found.state[0, k, STATES.index(state)] = 2 * SURE
        if (cell := seen.fixtures[name]) is not None:
            found.column[0, names + k, cell[0]] = found.row[0, names + k, cell[1]] = SURE
    for thing in seen.things:
        k = NAMES.index(thing.name)
        found.count[0, k, 2 if thing.twin else 1] = 2 * SURE
        if thing.twin:
            continue
        on = thing.place in NAMES
        found.place[0, k, PLACES.index("on" if on else thing.place)] = SURE
        if on:
            found.base[0, k, COLOURS.index(thing.place.split()[0])] = SURE
        if thing.cell is not None:
            found.column[0, k, thing.cell[0]] = found.row[0, k, thing.cell[1]] = SURE
    if seen.over:
        found.over[0, NAMES.index(seen.over)] = SURE
    return found
