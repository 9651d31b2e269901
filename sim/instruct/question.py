"""What a question is: wordings, and how to ask it of a scene."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from sim.instruct.scene import Scene
from sim.language import PLACES, SHAPE_WORDS, noun, phrase, place
from sim.layout import CORNERS
from sim.randomise import Split
from vla.planner.grammar import FIXTURES, NAMES, Step, step_words

Kind = Literal["conversation", "description", "reasoning"]
T = TypeVar("T")

_PLAIN_SHARE = 0.5
_RARE = 0.2


@dataclass(frozen=True, slots=True)
class Turn:
    """A question about a scene, and its answer.

    Both are lower-case words with the marks ``. , ? ; :`` only.

    Attributes:
        kind: LLaVA's three kinds.
        type: Name of the question type, a key of :data:`sim.instruct.TYPES`.
        question: What the person says.
        answer: What is true of the scene.
    """

    kind: Kind
    type: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question before it is worded.

    Attributes:
        answer: The answer, in the one wording that counts.
        words: Slot to what stands there: a thing's name, a fixture's or corner's and an instruction are
            worded in several ways, anything else is said as it is.
    """

    answer: str
    words: Mapping[str, str | Step] = field(default_factory=dict[str, str | Step])


@dataclass(frozen=True, slots=True)
class Question:
    """A type of question.

    Attributes:
        name: Unique.
        kind: LLaVA's kind.
        train: Wordings for training; alternatives stand in round brackets, slots in curly ones. None for a
            type that training never sees.
        test: Wordings that training never hears.
        ask: Asks it of a scene; None where it would have no clear answer there.
    """

    name: str
    kind: Kind
    train: tuple[str, ...]
    test: tuple[str, ...]
    ask: Callable[[Scene, np.random.Generator], Asked | None]

    def turn(self, scene: Scene, rng: np.random.Generator, split: Split = "train") -> Turn | None:
        """Ask it; None where it has no clear answer, or no wording in this split."""
        wordings = self.train if split == "train" else self.test
        asked = self.ask(scene, rng) if wordings else None
        if asked is None:
            return None
        pattern = re.sub(r"\(([^()]*)\)", lambda m: pick(m[1].split("|"), rng), pick(wordings, rng))
        said = {slot: _said(value, split, rng) for slot, value in asked.words.items()}
        text = " ".join(pattern.format(**said).split())
        return Turn(self.kind, self.name, with_articles(text), asked.answer)


def pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    """One of them."""
    return choices[int(rng.integers(len(choices)))]


def balanced(yes: Sequence[T], no: Sequence[T], rng: np.random.Generator) -> tuple[T, bool] | None:
    """One of either side, as likely as one of the other; None unless both have one.

    A question that a scene could only answer one way would teach to answer without looking.
    """
    if not yes or not no:
        return None
    holds = bool(rng.integers(2))
    return pick(yes if holds else no, rng), holds


def rare(rng: np.random.Generator) -> bool:
    """True now and then: how often a question is asked whose answer is nearly always the same."""
    return bool(rng.random() < _RARE)


def yes_no(holds: bool) -> str:
    """The short answer."""
    return "yes" if holds else "no"


def bare(name: str, rng: np.random.Generator) -> str:
    """A name without its article, such as "red cube", or a shape's such as "cube"."""
    *colour, shape = name.split()
    return " ".join([*colour, pick(SHAPE_WORDS[shape], rng)])


def plural(shape: str, rng: np.random.Generator | None = None) -> str:
    """Several of a shape: "blocks", or with ``rng`` perhaps "cubes"."""
    word = shape if rng is None else pick(SHAPE_WORDS[shape], rng)
    return word + ("es" if word.endswith("x") else "s")


def with_articles(text: str) -> str:
    """The text with "an" before vowels and "a" before all else."""
    return re.sub(r"\b(an?) (\w)", lambda m: ("an " if m[2] in "aeiou" else "a ") + m[2], text)


def _said(value: str | Step, split: Split, rng: np.random.Generator) -> str:
    if isinstance(value, Step):
        return _instruction(value, split, rng)
    if value in PLACES:
        return place(value, rng)
    if value in NAMES:
        return _named(value, rng)
    return value


def _instruction(step: Step, split: Split, rng: np.random.Generator) -> str:
    """An instruction as a planner says it, or as a person does."""
    if rng.random() < _PLAIN_SHARE:
        return step_words(step)
    target = _named(step.target, rng) if step.target else ""
    if step.place in (*FIXTURES, *CORNERS):
        goal = place(step.place, rng)
    else:
        goal = _named(step.place, rng) if step.place else ""
    return phrase(step.family, split, target, goal, step.place, rng).rstrip(".")


def _named(name: str, rng: np.random.Generator) -> str:
    colour, shape = name.split()
    return noun(colour, shape, None, rng)
