"""Tables for words that came first: a template's table with the very things that were asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from sim.goals.goal import Drawn, Goal, Template
from sim.goals.hearing import Heard
from sim.goals.laying import GoalTable
from sim.goals.symbols import names_of
from sim.layout import NoRoomError
from sim.objects import COLOUR_NAMES, SHAPES
from sim.randomise import Randomise
from vla.planner.grammar import NAMES, Refusal

T = TypeVar("T")

TRIES: Final = 1500
_FAVOUR: Final = 0.85
_FEWEST, _MOST = 3, 5


@dataclass(slots=True)
class AskedTable(GoalTable):
    """A table that mostly chooses what was asked for, wherever it has a choice.

    Attributes:
        asked: Words: names, shapes, colours, places.
    """

    asked: frozenset[str] = frozenset()

    def pick(self, choices: Sequence[T]) -> T:
        """One of them, and rather one that was asked for."""
        wanted = [choice for choice in choices if isinstance(choice, str) and choice in self.asked]
        return GoalTable.pick(self, wanted if wanted and self.chance(_FAVOUR) else choices)

    def call(self, shapes: Sequence[str] = SHAPES, colours: Sequence[str] = COLOUR_NAMES) -> str:
        """A name that nothing on the table has; one that was asked for may be held out from training."""
        present = set(names_of(self).values())
        wanted = [
            name
            for name in sorted(self.asked - present)
            if len(parts := name.split()) == 2 and parts[0] in colours and parts[1] in shapes
        ]
        if wanted and self.chance(_FAVOUR):
            return GoalTable.pick(self, wanted)
        return GoalTable.call(self, shapes, colours)

    def fill(self, avoid: Sequence[str] = (), without: Sequence[str] = ()) -> None:
        """As usual: what was asked for, and is not there by now, is missing on purpose."""
        asked, self.asked = self.asked, frozenset()
        GoalTable.fill(self, (*avoid, *(name for name in asked if " " in name)), without)
        self.asked = asked


def draw_asked(
    heard: Heard, sentence: str, seed: int, switches: Randomise | None = None, tries: int = TRIES
) -> tuple[Goal, AskedTable] | None:
    """The table of a template on which its words are those that were heard.

    Args:
        heard: Template and words.
        sentence: What was said; it becomes the goal's text.
        seed: The same seed, words and switches give the same table.
        switches: What may vary; training's defaults when None.
        tries: Tables that are drawn at most; most words come true within a few.

    Returns:
        None where no draw made such a table, because the template never means such words: nobody builds a
        tower on a ball.
    """
    template, switches = heard.template, switches or Randomise()
    asked = _asked(heard.words.values())
    key = zlib.crc32(template.name.encode())
    for attempt in range(tries):
        table = AskedTable(switches, np.random.default_rng([seed, 7, key, attempt]), asked=asked)
        try:
            drawn = template.lay(table)
        except NoRoomError:
            continue
        if _means(template, drawn, heard.words):
            return _goal(template, sentence, seed, table, drawn), table
    return None


def draw_ordinary(sentence: str, seed: int, switches: Randomise | None = None) -> tuple[Goal, AskedTable]:
    """A table with several things for a sentence that fits no template; the goal is to refuse it."""
    switches = switches or Randomise()
    for attempt in range(TRIES):
        table = AskedTable(switches, np.random.default_rng([seed, 8, attempt]))
        try:
            table.maybe_cabinet()
            table.some(int(table.rng.integers(_FEWEST, _MOST)))
            table.fill()
        except NoRoomError:
            continue
        return Goal(
            "ordinary", "infeasible", sentence, seed, names_of(table), (), Refusal("unknown"), False
        ), table
    raise RuntimeError(f"no ordinary table found for seed {seed} in {TRIES} draws")


def _asked(values: Iterable[str]) -> frozenset[str]:
    """What to favour: the words themselves, the shape of a plural, and the names within a clause."""
    said = set(values)
    said |= {shape for shape in SHAPES if f"{shape}s" in said}
    return frozenset(said | {name for name in NAMES if any(f"the {name}" in words for words in said)})


def _means(template: Template, drawn: Drawn, words: Mapping[str, str]) -> bool:
    """True when the drawn words are those heard. Two things that are swapped may be named in either order."""
    said = dict(words)
    if template.kind == "swap" and {"x", "y"} <= said.keys() and drawn.words.get("x") == said["y"]:
        said["x"], said["y"] = said["y"], said["x"]
    return all(drawn.words.get(slot) == value for slot, value in said.items())


def _goal(template: Template, sentence: str, seed: int, table: GoalTable, drawn: Drawn) -> Goal:
    return Goal(
        template.name,
        template.kind,
        sentence,
        seed,
        names_of(table),
        drawn.desire,
        drawn.saying,
        drawn.ordered,
    )
