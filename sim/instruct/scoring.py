"""Is an answer right? Exact match after spelling things out one way, and what a description mentions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from sim.language import PLACES, SHAPE_WORDS
from sim.objects import COLOUR_NAMES, SHAPES
from vla.planner.grammar import FIXTURES, NAMES

SETS: Final = frozenset(
    {"fixtures", "colours", "besides", "same_colour", "same_shape", "contents", "contents_held_out",
     "hand", "all_beside"}
)  # fmt: skip
"""Types whose answers are lists in which the order does not matter."""

_MARKS = re.compile(r"[^a-z ]+")
_NOT_THERE = re.compile(r"\b(?:no|without an?|without any)\b[^.,;:]*")


@dataclass(frozen=True, slots=True)
class Overlap:
    """How the things that one text mentions agree with those that it should.

    Attributes:
        right: Mentioned and there.
        mentioned: Mentioned at all.
        there: What should be mentioned.
    """

    right: int
    mentioned: int
    there: int

    def __add__(self, other: Overlap) -> Overlap:
        """Counts over both texts."""
        return Overlap(self.right + other.right, self.mentioned + other.mentioned, self.there + other.there)

    @property
    def precision(self) -> float:
        """Share of what is mentioned that is there; 1 where nothing is mentioned."""
        return self.right / self.mentioned if self.mentioned else 1.0

    @property
    def recall(self) -> float:
        """Share of what is there that is mentioned; 1 where nothing is there."""
        return self.right / self.there if self.there else 1.0


def score_answers(type: str, expected: str, got: str) -> bool:
    """Whether an answer is the expected one.

    Case, marks, articles, spaces and synonyms ("the dish" for "the bowl") do not count; nor does the order
    of a list where none was asked for.

    Args:
        type: Question type, a key of :data:`sim.instruct.TYPES`.
        expected: The right answer.
        got: What was answered.
    """
    if type in SETS:
        return _parts(expected) == _parts(got)
    return _plain(expected) == _plain(got)


def mentioned(text: str) -> frozenset[str]:
    """Names of things ("red block") and fixtures ("bowl") that a text says are there, however worded.

    "there is no bowl" mentions none.
    """
    words = canonical(_NOT_THERE.sub(" ", text.lower()))
    found = {name for name in NAMES if re.search(rf"\b{name}s?\b", words)}
    return frozenset(found | {name for name in FIXTURES if re.search(rf"\b{name}\b", words)})


def overlap(expected: str, got: str) -> Overlap:
    """Compare what two texts mention."""
    there, said = mentioned(expected), mentioned(got)
    return Overlap(len(there & said), len(said), len(there))


def canonical(text: str) -> str:
    """The text with each thing and each place called by its first name only."""
    return _synonym_pattern().sub(lambda match: _synonyms()[match[0]], " ".join(text.lower().split()))


def _plain(text: str) -> str:
    words = _MARKS.sub(" ", canonical(text)).split()
    return " ".join(word for word in words if word not in ("the", "a", "an", "this", "that"))


def _parts(text: str) -> frozenset[str]:
    return frozenset(_plain(part) for part in re.split(r",| and ", text) if _plain(part))


@cache
def _synonyms() -> dict[str, str]:
    known: dict[str, str] = {}
    for shape in SHAPES:
        for word in SHAPE_WORDS[shape]:
            known[word] = shape
            known[word + ("es" if word.endswith("x") else "s")] = shape + "s"
    for name, phrases in PLACES.items():
        for phrase in phrases:
            first = PLACES[name][0].removeprefix("the ")
            known[phrase.removeprefix("the ")] = first
    return known


@cache
def _synonym_pattern() -> re.Pattern[str]:
    words = sorted(_synonyms().keys() - {"can"}, key=len, reverse=True)
    # "can" is a thing behind a colour or an article, and a verb elsewhere.
    before = "|".join(rf"(?<={word} )" for word in (*COLOUR_NAMES, "the", "a", "any", "some", "this"))
    return re.compile(rf"\b(?:{'|'.join(words)})\b|(?:{before})can\b")
