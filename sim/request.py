"""Instructions on the simulated table: a scene in which they make sense, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.layout import CORNERS, OPEN_DRAWER_M, RELATION_MARGIN_M, NoRoomError, Table
from sim.objects import COLOUR_NAMES, HALF_M, POOL, ROW, SHAPES, UNNAMED
from sim.randomise import Randomise
from sim.reading import Mention, Wish, read_wish
from sim.scene import DRAWER_DEPTH_M
from sim.tasks.take_out import DRAWER_FLOOR_M
from sim.tasks.task import Task
from sim.truth import Query
from sim.world import World
from vla.contract import ContractError

_TRIES = 3000
_OBJECT_RADIUS_M = 0.032
_NEEDS_OPEN = ("close_drawer", "put_in_drawer", "take_out")
_RELATION_AXES = {"left": (1, -1), "right": (1, 1), "front": (0, 1), "behind": (0, -1)}


class RequestError(ContractError):
    """No scene can be laid in which a sentence makes sense."""


@dataclass(slots=True)
class RequestTable(Table):
    """A table on which the things that wishes speak of come first.

    Attributes:
        wishes: One per step of the sentence, in order.
    """

    wishes: tuple[Wish, ...] = ()
    _laid: set[int] = field(default_factory=set)

    def pair(self, shapes: tuple[str, ...] = SHAPES, referred: bool = True) -> tuple[str, int]:
        """What the first wish acts on (referred) or stands on (not referred); anything after that."""
        first = self.wishes[0]
        mention = first.target if referred else first.base
        if mention is not None and referred not in self._laid:
            self._laid.add(referred)
            return self._drawn(mention, shapes)
        for _ in range(50):
            shape, colour = Table.pair(self, shapes, referred)
            if not any(_fits(mention, shape, colour) for mention in self._mentions()):
                return shape, colour
        raise NoRoomError

    def clutter(self) -> None:
        """What the later steps need, then as usual."""
        for name in ("bowl", "tray", "zone", "button"):
            if name in self._named_places():
                self.fixture(name)
        for wish in self.wishes[1:]:
            self._lay_for(wish)
        Table.clutter(self)

    def rows_of(self, mention: Mention) -> list[int]:
        """Movable rows that a mention fits."""
        return [
            row
            for row, thing in self.things.items()
            if _fits(mention, POOL[row], thing.colour) and self._related(row, mention)
        ]

    def _mentions(self) -> list[Mention]:
        return [
            m for wish in self.wishes for m in (wish.target, wish.base) if m is not None and not m.relation
        ]

    def _named_places(self) -> set[str]:
        landmarks = {m.relation[1] for w in self.wishes for m in (w.target, w.base) if m and m.relation}
        buttons = {"button" for wish in self.wishes if wish.family == "press_button"}
        return {wish.place for wish in self.wishes} | landmarks | buttons

    def _lay_for(self, wish: Wish) -> None:
        base_at: tuple[float, float] | None = None
        if wish.base is not None and not self.rows_of(wish.base):
            shape, colour = self._drawn(wish.base, ("block",))
            base_at = self.spot(_OBJECT_RADIUS_M)
            self.thing(shape, colour, base_at)
        if wish.target is None or self.rows_of(wish.target):
            return
        shape, colour = self._drawn(wish.target, SHAPES)
        if wish.family == "take_out":
            x, y = self.drawer_front_m
            self.thing(shape, colour, (x, y + DRAWER_DEPTH_M / 2), DRAWER_FLOOR_M + HALF_M)
        elif wish.family == "unstack" and base_at is not None:
            self.thing(shape, colour, base_at, 3 * HALF_M)
        else:
            self.thing(shape, colour, self.spot(_OBJECT_RADIUS_M))

    def _drawn(self, mention: Mention, shapes: tuple[str, ...]) -> tuple[str, int]:
        shape = mention.shape if mention.shape != "object" else shapes[int(self.rng.integers(len(shapes)))]
        colour = int(self.rng.integers(len(COLOUR_NAMES)))
        return shape, COLOUR_NAMES.index(mention.colour) if mention.colour else colour

    def _related(self, row: int, mention: Mention) -> bool:
        if mention.relation is None:
            return True
        relation, landmark = mention.relation
        if landmark not in self.fixtures:
            return False
        axis, sign = _RELATION_AXES[relation]
        offset_m = self.things[row].position_m[axis] - self.fixtures[landmark][axis]
        return sign * offset_m > RELATION_MARGIN_M


class RequestWorld(World):
    """A world whose scenes suit a sentence.

    Args:
        steps: The sentence as single commands, in order.
        image_size: Height and width of the pictures in pixels.
        backend: See :func:`sim.backend.choose_backend`.
        render: As for :class:`sim.world.World`.

    Raises:
        UnreadableError: a step cannot be understood.
    """

    def __init__(
        self, steps: Sequence[str], image_size: int = 128, backend: str = "auto", render: bool = True
    ) -> None:
        self._wishes = tuple(read_wish(step) for step in steps)
        self.asked: tuple[Query, ...] = ()
        super().__init__(image_size, backend, render)

    def lay(self, seed: int, switches: Randomise | None = None) -> None:
        """Lay a scene for the sentence; the same seed gives the same scene.

        Raises:
            RequestError: none was found, for example because the steps contradict each other.
        """
        self.reset(self._wishes[0].family, seed, switches)

    def _draw(  # pyright: ignore[reportIncompatibleMethodOverride] (it needs the wishes)
        self, task: Task, seed: int, switches: Randomise
    ) -> tuple[Table, Query]:
        for attempt in range(_TRIES):
            rng = np.random.default_rng([seed, 4, attempt])
            table = RequestTable(switches, rng, wishes=self._wishes)
            try:
                self._stand_drawer(table)
                query = task.lay(table)
            except NoRoomError:
                continue
            asked = [_resolved(wish, table) for wish in self._wishes]
            if asked[0] is None or (query.target, query.place) != (asked[0].target, asked[0].place):
                continue
            if all(one is not None for one in asked):
                self.asked = (query, *(one for one in asked[1:] if one is not None))
                return table, query
        words = "; ".join(wish.family for wish in self._wishes)
        raise RequestError(f"no scene found in {_TRIES} tries in which all of this makes sense: {words}")

    def _stand_drawer(self, table: Table) -> None:
        families = [w.family for w in self._wishes if "drawer" in w.family or w.family == "take_out"]
        if families:
            table.fixture("drawer")
            if families[0] in _NEEDS_OPEN:
                table.drawer_open_m = float(table.rng.uniform(*OPEN_DRAWER_M))


def _fits(mention: Mention, shape: str, colour: int) -> bool:
    name = None if colour == UNNAMED else COLOUR_NAMES[colour]
    return mention.shape in ("object", shape) and mention.colour in (None, name)


def _resolved(wish: Wish, table: RequestTable) -> Query | None:
    """The wish as a query about this table; None where it fits nothing, or more than one thing."""
    if wish.target is None:
        return Query(wish.family, ROW["button" if wish.family == "press_button" else "drawer"])
    targets = table.rows_of(wish.target)
    bases = [-1] if wish.base is None else table.rows_of(wish.base)
    if len(targets) != 1 or len(bases) != 1 or targets == bases:
        return None
    place, destination, point = wish.place, bases[0], None
    if place in CORNERS:
        if place not in table.corners:
            return None
        point = (*CORNERS[place], HALF_M)
    elif place:
        destination = ROW["drawer_inside" if place == "drawer" else place]
    if wish.family in ("take_out", "unstack"):
        place, destination = "", -1
    return Query(wish.family, targets[0], destination, point, place=place)
