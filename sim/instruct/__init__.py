"""Visual instruction data in LLaVA's manner: turns of talk about a scene, made from its text alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from sim.instruct import deeds, descriptions, places, reasons, sides, things, ways
from sim.instruct.question import Kind, Question, Turn
from sim.instruct.scene import Scene
from sim.randomise import Split
from vla.planner.symbols import Symbols

KINDS: Final[tuple[Kind, ...]] = ("conversation", "description", "reasoning")
TYPES: Final[Mapping[str, Question]] = {
    question.name: question
    for room in (things, places, sides, deeds, descriptions, ways, reasons)
    for question in room.QUESTIONS
}
"""Every type of question by name."""
SHARES: Final[Mapping[Kind, float]] = {"conversation": 0.6, "description": 0.12, "reasoning": 0.28}
"""How often each kind is asked."""

_TRIES = 25


def turns(
    scene: Symbols,
    position_m: Mapping[str, tuple[float, float]],
    rng: np.random.Generator,
    count: int,
    split: Split = "train",
) -> list[Turn]:
    """Questions and answers about a scene, none twice.

    Args:
        scene: The table in words; every movable thing on it must have a name.
        position_m: Name of a thing ("red block") or fixture ("bowl") to its (x, y) on the table, in m.
        rng: Draws them.
        count: How many; fewer where the scene holds nothing more to ask about.
        split: Training wordings, or those that training never hears.
    """
    return ask(Scene(scene, position_m), rng, count, split)


def ask(scene: Scene, rng: np.random.Generator, count: int, split: Split = "train") -> list[Turn]:
    """As :func:`turns`, of a :class:`Scene`."""
    found: dict[str, Turn] = {}
    by_kind = {kind: [q for q in TYPES.values() if q.kind == kind] for kind in KINDS}
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        kind = KINDS[int(rng.choice(len(KINDS), p=list(SHARES.values())))]
        question = by_kind[kind][int(rng.integers(len(by_kind[kind])))]
        turn = question.turn(scene, rng, split)
        if turn is not None:
            found.setdefault(turn.question, turn)
    return list(found.values())


__all__ = ["KINDS", "SHARES", "TYPES", "Kind", "Question", "Scene", "Turn", "ask", "turns"]
