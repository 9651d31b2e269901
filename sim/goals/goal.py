"""What a goal is: words, a table on which they mean something, and what should be true in the end."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from sim.goals.laying import GoalTable
from sim.goals.phrasings import PHRASINGS
from sim.goals.phrasings.examination import MANNERS
from sim.goals.symbols import names_of
from sim.language import PLACES, noun, place
from sim.layout import NoRoomError
from sim.randomise import Randomise
from vla.planner.clauses import ACTION_VERBS
from vla.planner.desire import Atom
from vla.planner.grammar import NAMES, Answer, Refusal

_TRIES = 4000
_OPENINGS = {"train": (*("",) * 6, "robot, ", "ok, "), "test": ("", "", "hey, ")}
_POLITE = {
    "train": (*("",) * 6, "please ", "could you ", "now ", "robot, "),
    "test": ("", "", "would you please ", "hey, "),
}
_AFTER = {"train": (*("",) * 6, " please", " for me", "."), "test": ("", "", " if you can", ", thanks")}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a template's table turned out to be.

    Attributes:
        words: Slot to what stands there: an object's name and a fixture's or corner's are worded in several
            ways, anything else is said as it is.
        desire: What should be true in the end, all of it; in the order in which it is pursued.
        saying: What to say instead of moving, for questions and for what cannot be done.
        ordered: The desire must become true in its order, each after the one before.
    """

    words: Mapping[str, str] = field(default_factory=dict[str, str])
    desire: tuple[Atom, ...] = ()
    saying: Refusal | Answer | None = None
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of goal with its wordings and its tables.

    Attributes:
        name: Unique.
        kind: The group it belongs to, one of :data:`sim.goals.KINDS`.
        train: Wordings for training; alternatives stand in round brackets, slots in curly ones. More of
            them are in :data:`sim.goals.phrasings.PHRASINGS`.
        test: Wordings that training never hears; none where the template is for training only.
        lay: Lays a table and says what is asked on it.
        held_out: Training never sees this template.
    """

    name: str
    kind: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    lay: Callable[[GoalTable], Drawn]
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """One drawn goal.

    Attributes:
        template: The template's name.
        kind: The template's kind.
        text: What the person says.
        seed: Draws everything; the same seed and switches give the same goal and table.
        names: Movable row to its name.
        desire: See :class:`Drawn`.
        saying: See :class:`Drawn`.
        ordered: See :class:`Drawn`.
    """

    template: str
    kind: str
    text: str
    seed: int
    names: Mapping[int, str]
    desire: tuple[Atom, ...]
    saying: Refusal | Answer | None
    ordered: bool


def draw(template: Template, seed: int, switches: Randomise | None = None) -> tuple[Goal, GoalTable]:
    """A goal and the table it is about.

    Raises:
        RuntimeError: no table was found in 4000 draws.
        ValueError: the template has no wordings of the split that the switches ask for.
    """
    switches = switches or Randomise()
    drawn, table = _laid(template, seed, switches)
    rng = np.random.default_rng([seed, 6, zlib.crc32(template.name.encode())])
    text = worded_politely(
        str(rng.choice(wordings(template, switches.paraphrase))), drawn.words, switches.paraphrase, rng
    )
    names = names_of(table)
    return (
        Goal(template.name, template.kind, text, seed, names, drawn.desire, drawn.saying, drawn.ordered),
        table,
    )


def layout_words(template: Template, seed: int, switches: Randomise) -> Mapping[str, str]:
    """What stands in a template's slots on the table of a seed.

    Raises:
        RuntimeError: see :func:`draw`.
    """
    return _laid(template, seed, switches)[0].words


def said_otherwise(template: Template, seed: int, switches: Randomise) -> str:
    """The goal of a seed in one of :data:`sim.goals.phrasings.examination.MANNERS`.

    Raises:
        KeyError: the template has none.
        RuntimeError: see :func:`draw`.
    """
    rng = np.random.default_rng([seed, 7, zlib.crc32(template.name.encode())])
    wording = str(rng.choice(MANNERS[template.name]))
    return worded(wording, layout_words(template, seed, switches), rng)


def _laid(template: Template, seed: int, switches: Randomise) -> tuple[Drawn, GoalTable]:
    key = zlib.crc32(template.name.encode())
    for attempt in range(_TRIES):
        table = GoalTable(switches, np.random.default_rng([seed, 5, key, attempt]))
        try:
            return template.lay(table), table
        except NoRoomError:
            continue
    raise RuntimeError(f"no table found for {template.name!r}, seed {seed}, in {_TRIES} draws")


def wordings(template: Template, split: str) -> tuple[str, ...]:
    """A template's wordings for training or for tests.

    Raises:
        ValueError: it has none.
    """
    found = template.test if split == "test" else (*template.train, *PHRASINGS.get(template.name, ()))
    if not found:
        raise ValueError(f"goal template {template.name!r} has no {split} wordings")
    return found


def worded_politely(wording: str, words: Mapping[str, str], split: str, rng: np.random.Generator) -> str:
    """A wording with its slots filled, as somebody may say it."""
    text = worded(wording, words, rng)
    if text.endswith("?"):
        return text
    # Politeness asks for a command: "would you please the bowl is for red things" is none.
    openings = _POLITE if text.split()[0] in ACTION_VERBS else _OPENINGS
    opening, closing = str(rng.choice(openings[split])), str(rng.choice(_AFTER[split]))
    return opening + text if opening or text.endswith(".") else text + closing


def worded(pattern: str, words: Mapping[str, str], rng: np.random.Generator) -> str:
    """One of a pattern's wordings with its slots filled; see :class:`Template` and :class:`Drawn`."""
    pattern = re.sub(r"\(([^()]*)\)", lambda m: str(rng.choice(m[1].split("|"))), pattern)
    return " ".join(pattern.format(**{slot: _said(value, rng) for slot, value in words.items()}).split())


def _said(value: str, rng: np.random.Generator) -> str:
    if value in PLACES:
        return place(value, rng)
    if value in NAMES:
        colour, shape = value.split()
        return noun(colour, shape, None, rng)
    return value
