"""What a sentence means, before anybody has looked at the table: a small language of wishes and questions.

People say the same thing in countless ways; a meaning says it in one, and does not say which things on the
table it is about (:mod:`vla.planner.grounding` finds that out)::

    put every star in tray and close .
    stack the red block on the blue block then press .
    if drawer open do close else press .
    hold the block topmost .
    ask is the red ball left of the bowl .
    unknown .

The dataclasses are the sentence's parts; :func:`vla.planner.meaning_text.parse_meaning` reads the words,
:func:`vla.planner.meaning_words.format_meaning` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Final, Literal

from vla.planner.sayings import COLOURS, CORNERS, FIXTURES, SHAPES

Which = Literal["the", "every", "any"]

WHICH: Final = ("the", "every", "any")
THING: Final = "thing"
"""A noun that fits every movable object."""
PLACES: Final = ("bowl", "tray", "drawer", "zone", "table", *CORNERS)
"""Where things can be put."""
SUPERLATIVES: Final = (
    "leftmost", "rightmost", "nearest", "farthest", "topmost", "middle", "lowest",
)  # fmt: skip
"""One of several: by where it is in the front camera's picture (nearest to the viewer), or in a tower."""
RELATIONS: Final = ("upon", "beneath", "left of", "right of", "closest to", "coloured like")
"""Of one thing to another: it stands on it, carries it, lies further left, is the nearest, has its colour."""
VERBS: Final[dict[str, tuple[str, ...]]] = {
    "put": ("things", "in", "place"),
    "stack": ("thing", "on", "thing"),
    "swap": ("thing", "with", "thing"),
    "hold": ("thing",),
    "reach": ("thing",),
    "clear": ("things",),
    "pile": ("things",),
    "sort": ("things",),
    "open": (), "close": (), "press": (), "flip": (), "undo": (), "tidy": (),
}  # fmt: skip
"""What may be wished for, and what stands behind the verb. ``clear``: nothing stands on it; ``pile``: a tower
in any order; ``sort``: into corners by colour; ``flip`` and ``undo``: the tower upside down, taken apart."""


@dataclass(frozen=True, slots=True)
class Noun:
    """What something is called.

    Attributes:
        shape: One of the shapes, :data:`THING` or a fixture.
        colour: One of the colours, or "" for any; fixtures have none.
    """

    shape: str
    colour: str = ""

    @property
    def words(self) -> str:
        """Such as ``"red block"``."""
        return f"{self.colour} {self.shape}".strip()


@dataclass(frozen=True, slots=True)
class Trait:
    """What else is true of it.

    Attributes:
        kind: ``"inside"``, ``"stacked"`` (part of a tower), one of :data:`SUPERLATIVES` or of
            :data:`RELATIONS`.
        place: Behind ``inside``, one of :data:`PLACES` or ``"hand"``.
        other: Behind a relation.
    """

    kind: str
    place: str = ""
    other: Things | None = None


@dataclass(frozen=True, slots=True)
class Things:
    """Whom a sentence is about.

    Attributes:
        which: ``the`` one, ``every`` one, ``any`` one.
        noun: What it is called.
        trait: What else is true of it, or None.
        but: Not these.
    """

    which: Which
    noun: Noun
    trait: Trait | None = None
    but: tuple[Things, ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """One wish.

    Attributes:
        verb: One of :data:`VERBS`.
        things: Whom it is done to.
        place: Where to, for ``put``.
        other: On what, or with what, for ``stack`` and ``swap``.
        corners: Which corner each thing is to go to, once a ``sort`` is settled; nobody says that.
    """

    verb: str
    things: tuple[Things, ...] = ()
    place: str = ""
    other: Things | None = None
    corners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """Deeds.

    Attributes:
        deeds: At least one, or none where nothing is wished for.
        ordered: One must be done before the next.
    """

    deeds: tuple[Deed, ...] = ()
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is true of a table or is not.

    Attributes:
        kind: ``drawer`` (``state`` open or closed), ``button`` (pressed), ``some`` (there are such things),
            ``several`` (more than one), ``more`` (``things`` than ``others``), ``same`` (as many), ``empty``
            (``place``), ``covered`` (something stands on it), ``is`` (``things`` have a ``trait``).
        state: See above.
        things: See above.
        others: See above.
        place: See above.
        trait: See above.
        negated: Its opposite.
    """

    kind: str
    state: str = ""
    things: tuple[Things, ...] = ()
    others: tuple[Things, ...] = ()
    place: str = ""
    trait: Trait | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One wish or another, depending on a condition."""

    condition: Condition
    wish: Wish
    otherwise: Wish


@dataclass(frozen=True, slots=True)
class Question:
    """Something to be answered.

    Attributes:
        kind: ``ask`` (is the condition true), ``where``, ``colour``, ``count`` or ``name`` (of the things).
        things: See above.
        condition: See above.
    """

    kind: str
    things: tuple[Things, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing that a policy has learned."""


Meaning = Wish | Choice | Question | Unknown


def names_in(part: object) -> frozenset[str]:
    """Full names of things, such as ``"red block"``, that a meaning or a part of one speaks of."""
    if isinstance(part, Things) and part.noun.colour and part.noun.shape in SHAPES:
        return frozenset({part.noun.words}) | names_in(part.trait) | names_in(part.but)
    if isinstance(part, tuple):
        return frozenset[str]().union(*map(names_in, part))
    if is_dataclass(part):
        return frozenset[str]().union(*(names_in(getattr(part, field.name)) for field in fields(part)))
    return frozenset()


NOUNS: Final = (*SHAPES, THING, *FIXTURES)
ADJECTIVES: Final = COLOURS
