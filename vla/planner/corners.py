"""Who goes to which corner, where a wish leaves that open: the shortest ways in all."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from vla.planner.sayings import CORNERS
from vla.planner.seen_table import CORNER_CELLS, SeenTable

Sorting = tuple[tuple[int, str], ...]


def nearest_corners(rows: Sequence[int], table: SeenTable) -> Sorting | None:
    """A corner for each thing; whoever stands in one stays.

    Returns:
        Rows with their corners, nearest pairs first; None where that cannot be told, because something is not
        seen well, two things share a colour, or there are not enough corners.
    """
    state = table.state
    behind_cabinet = {corner for corner in CORNERS if "right" in corner and "drawer" in state.fixtures}
    staying = {row: str(state.where[row]) for row in rows if state.where[row] in CORNERS}
    moving = [row for row in rows if row not in staying]
    taken = {corner for corner in CORNERS if state.inside(corner)} | behind_cabinet
    free = [corner for corner in CORNERS if corner not in taken]
    colours = {state.colour(row) for row in rows}
    cells = {row: cell for row in moving if (cell := table.cell(row)) is not None}
    if len(colours) < len(rows) or len(cells) < len(moving) or len(moving) > len(free):
        return None

    def way(pair: tuple[int, str]) -> int:
        (column, line), (to_column, to_line) = cells[pair[0]], CORNER_CELLS[pair[1]]
        return abs(column - to_column) + abs(line - to_line)

    choices = (
        tuple(zip(moving, corners, strict=True)) for corners in itertools.permutations(free, len(moving))
    )
    best = min(choices, key=lambda pairs: sum(map(way, pairs)))
    return (*staying.items(), *sorted(best, key=way))
