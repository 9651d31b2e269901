"""Who goes to which corner, where a wish leaves that open: the shortest ways in all."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from vla.planner.sayings import CORNERS
from vla.planner.seen_table import CORNER_CELLS, SeenTable

Sorting = tuple[tuple[int, str], ...]


def still_free(rows: Sequence[int], corners: Sequence[str], table: SeenTable) -> Sorting:
    """The corners that things were to go to, or others where somebody else stands in them by now."""
    strangers = {corner for corner in CORNERS if set(table.state.inside(corner)) - set(rows)}
    kept = [corner for corner in corners if corner not in strangers]
    spare = [corner for corner in table.state.reachable_corners if corner not in {*strangers, *kept}]
    pairs = zip(rows, corners, strict=True)
    found = {row: at for row, at in pairs if at in kept or table.state.where[row] == at}
    moved = [row for row in rows if row not in found]
    for row, corner in itertools.zip_longest(moved, spare[: len(moved)]):
        found[row] = corner or corners[rows.index(row)]  # there is none: that is said when it comes to it
    return tuple(found.items())


def nearest_corners(rows: Sequence[int], table: SeenTable) -> Sorting | None:
    """A corner for each thing; whoever stands in one stays.

    Returns:
        Rows with their corners, nearest pairs first; None where that cannot be told, because something is not
        seen well, two things share a colour, or there are not enough corners.
    """
    state = table.state
    staying = {row: str(state.where[row]) for row in rows if state.where[row] in CORNERS}
    moving = [row for row in rows if row not in staying]
    free = [corner for corner in state.reachable_corners if not state.inside(corner)]
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
