"""Questions with a few possible answers, of which the scene makes exactly one true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.facts import Facts
from sim.objects import COLOUR_NAMES, SHAPES
from sim.statements import CONTAINERS, LANDMARKS, Noun, Statement, judge

TOPICS: Final = ("object", "colour", "relation", "container", "state")


@dataclass(frozen=True, slots=True)
class Choice:
    """A question about one scene.

    Attributes:
        scene: Number of the scene.
        topic: One of :data:`TOPICS`.
        slot: What is asked, without the answer: questions of one slot have the same answers to choose from.
        options: Statements, of which one is true.
        answer: Its place.
    """

    scene: int
    topic: str
    slot: str
    options: tuple[Statement, ...]
    answer: int

    @property
    def held_out(self) -> bool:
        """True where the answer speaks of a pair that no training scene contains."""
        return self.options[self.answer].held_out


def choices_of(facts: Facts, scene: int = 0) -> list[Choice]:
    """Every question of ours that the scene answers plainly."""
    true, possible = judge(facts)
    found = []
    for topic, slot, options in _questions(facts):
        answers = [i for i, option in enumerate(options) if option in true]
        if len(answers) == 1 and not any(o in possible for i, o in enumerate(options) if i != answers[0]):
            found.append(Choice(scene, topic, slot, options, answers[0]))
    return found


def balanced(choices: Sequence[Choice], rng: np.random.Generator, at_most: int) -> list[Choice]:
    """At most ``at_most`` of each topic, every answer of a slot equally often where answers are few.

    Where something lies and which state it is in have a usual answer, with which a model that sees nothing
    would do well.
    """
    kept: list[Choice] = []
    for topic in TOPICS:
        group = [choice for choice in choices if choice.topic == topic]
        group = [group[i] for i in rng.permutation(len(group))]
        if topic in ("container", "state", "relation"):
            group = _even(group)
        kept += group[:at_most]
    return kept


def _even(group: Sequence[Choice]) -> list[Choice]:
    """Every answer equally often: within a slot where it has two answers, else over the topic."""

    def key(choice: Choice) -> tuple[str, str]:
        return (choice.slot if len(choice.options) == 2 else "", choice.options[choice.answer].value)

    counts = Counter(map(key, group))
    least: dict[str, int] = {}
    for (slot, _), count in counts.items():
        least[slot] = min(least.get(slot, count), count)
    answers = Counter(slot for slot, _ in counts)
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for choice in group:
        seen[key(choice)] += 1
        slot = key(choice)[0]
        if answers[slot] > 1 and seen[key(choice)] <= least[slot]:
            kept.append(choice)
    return kept


def _questions(facts: Facts) -> Iterator[tuple[str, str, tuple[Statement, ...]]]:
    shapes = Counter(item.shape for item in facts.items)
    colours = Counter(item.colour for item in facts.items)
    for item in facts.items:
        if item.colour is None:
            continue
        noun = Noun(item.shape, item.colour)
        if colours[item.colour] == 1:
            same = tuple(Statement("there", Noun(shape, item.colour)) for shape in SHAPES)
            yield "object", f"the shape of the {item.colour} one", same
        if shapes[item.shape] > 1:
            continue
        same = tuple(Statement("there", Noun(item.shape, colour)) for colour in COLOUR_NAMES)
        yield "colour", f"the colour of the {item.shape}", same
        places = tuple(Statement("in", noun, place) for place in (*CONTAINERS, "table"))
        yield "container", f"the place of the {item.shape}", places
        for mark in LANDMARKS:
            for pair in (("left", "right"), ("front", "behind")):
                sides = tuple(Statement("side", noun, side, mark) for side in pair)
                yield "relation", f"{pair[0]} or {pair[1]}: the {item.shape} and the {mark}", sides
    yield "state", "the drawer", tuple(Statement("drawer", None, state) for state in ("open", "closed"))
    yield "state", "the gripper", tuple(Statement("gripper", None, state) for state in ("empty", "full"))
    for container in CONTAINERS:
        states = tuple(Statement("contents", None, state, container) for state in ("empty", "full"))
        yield "state", f"what is in the {container}", states
