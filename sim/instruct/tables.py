"""Tables on which there is much to talk about: full bowls and trays, towers, an open drawer, taken corners.

Tables laid for goals show what is still to be done, so on most of them every place is empty; talk about them
alone would teach that the answer to most questions is "nothing".
"""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Drawn, Template
from sim.goals.laying import GoalTable
from sim.layout import CORNERS, NoRoomError
from vla.planner.symbols import CAPACITY

_MOST = 7


def _lived_in(table: GoalTable) -> Drawn:
    if table.chance(0.45):
        table.cabinet()
        if table.drawer_open_m:
            _filled(table, "drawer", 0.7)
    for name, share in (("bowl", 0.55), ("tray", 0.55), ("zone", 0.35), ("button", 0.35)):
        if table.chance(share):
            try:
                table.fixture(name)
            except NoRoomError:
                continue
            if name != "button":
                _filled(table, name, 0.65)
    for corner in table.corners:
        if len(table.things) < _MOST and table.chance(0.2):
            x, y = CORNERS[corner]
            table.reserve(x, y, 0.03)
            table.one(place=corner)
    if table.chance(0.55) and len(table.things) < _MOST:
        _tower(table)
    table.fill()
    if not table.things:
        raise NoRoomError
    return Drawn()


def _filled(table: GoalTable, place: str, share: float) -> None:
    if table.chance(share):
        most = min(CAPACITY[place], _MOST - len(table.things))
        if most > 0:
            table.some(1 + int(table.rng.integers(most)), place=place)


def _tower(table: GoalTable) -> None:
    foot = table.one(("block",))
    middle = table.stacked(foot)
    if table.name(middle).endswith("block") and table.chance(0.6):
        table.stacked(middle)


LIVED_IN: Final = Template("lived_in", "scene", ("look at the table",), ("look at this table",), _lived_in)
"""Laid like a goal's table, by :func:`sim.goals.goal.draw`, but for no goal."""
