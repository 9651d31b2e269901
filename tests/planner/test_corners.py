"""Blocks go to the corners that are nearest, and stay where they are right."""

from __future__ import annotations

import itertools

from vla.planner.corners import nearest_corners
from vla.planner.sayings import CORNERS, NAMES
from vla.planner.seen import parse_seen
from vla.planner.seen_table import CORNER_CELLS, SeenTable, seen_table

RED, BLUE, GREEN = (NAMES.index(f"{colour} block") for colour in ("red", "blue", "green"))


def table(text: str) -> SeenTable:
    return seen_table(parse_seen(text))


def test_the_ways_are_the_shortest_in_all() -> None:
    seen = table("red block table 5 10 ; green block table 9 4 ; blue block table 18 4 .")
    pairs = nearest_corners((RED, GREEN, BLUE), seen)
    assert dict(pairs or ()) == {RED: "front left", GREEN: "back left", BLUE: "back right"}

    def length(corners: tuple[str, ...]) -> int:
        cells = zip((seen.cell(row) for row in (RED, GREEN, BLUE)), corners, strict=True)
        return sum(
            abs(cell[0] - CORNER_CELLS[to][0]) + abs(cell[1] - CORNER_CELLS[to][1])
            for cell, to in cells
            if cell is not None
        )

    best = tuple(dict(pairs or ())[row] for row in (RED, GREEN, BLUE))
    assert length(best) == min(map(length, itertools.permutations(CORNERS, 3)))


def test_who_stands_in_a_corner_stays_and_nobody_else_comes() -> None:
    seen = table("red block front left ; yellow star back left ; blue block table 5 10 .")
    assert nearest_corners((RED, BLUE), seen) == ((RED, "front left"), (BLUE, "front right"))


def test_the_cabinet_stands_in_the_right_corners() -> None:
    seen = table("drawer closed ; red block table 19 10 ; blue block table 19 4 .")
    pairs = dict(nearest_corners((RED, BLUE), seen) or ())
    assert pairs == {RED: "front left", BLUE: "back left"}


def test_what_cannot_be_told_is_left_open() -> None:
    assert nearest_corners((RED, BLUE), table("red block hand ; blue block table 5 5 .")) is None
    full = "drawer closed ; red block table 5 5 ; green block table 6 6 ; blue block table 8 8 ."
    assert nearest_corners((RED, GREEN, BLUE), table(full)) is None
