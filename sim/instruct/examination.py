"""Examination of whoever looks and answers: unseen scenes, questions of every type, exact answers.

A trial is a function of (scene, question type, wording, examinee). Each question is asked in a wording that
training hears and in one that it never hears, of the same scene and about the same thing, so that the two
columns differ by words alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.goals.world import GoalWorld
from sim.instruct import TYPES
from sim.instruct.context import scene_of
from sim.instruct.drawing import lay_scene
from sim.instruct.question import Turn
from sim.instruct.scene import Scene
from sim.instruct.scoring import Overlap, overlap, score_answers
from sim.randomise import Split
from sim.seeds import EVALUATION_SEED, check_evaluation_seed

Pictures: TypeAlias = Mapping[str, NDArray[np.uint8]]
"""Camera to uint8 RGB, (H, W, 3)."""
Answerer: TypeAlias = Callable[[str], str]
"""Answers a question about what was looked at."""
Examinee: TypeAlias = Callable[[Pictures], Answerer]
"""Looks once at a scene; whatever it returns is asked all that is asked there."""

SPLITS: Final[tuple[Split, ...]] = ("train", "test")
"""Wordings that training hears, and such that it never hears."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer.

    Attributes:
        type: Question type, a key of :data:`sim.instruct.TYPES`.
        kind: Its kind.
        split: How it was worded.
        seed: Draws the scene.
        question: What was asked.
        expected: The right answer.
        got: What was answered.
        right: They are the same, see :func:`sim.instruct.scoring.score_answers`.
        overlap: What they mention; counted for descriptions only.
    """

    type: str
    kind: str
    split: str
    seed: int
    question: str
    expected: str
    got: str
    right: bool
    overlap: Overlap | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What was asked about one scene.

    Attributes:
        pictures: What was to be seen.
        trials: In the order of asking.
    """

    pictures: Pictures
    trials: tuple[Trial, ...]


def examine(
    examinee: Examinee,
    scenes: int = 300,
    questions: int = 10,
    seed: int = EVALUATION_SEED,
    *,
    image_size: int = 128,
    render: bool = True,
    backend: str = "auto",
) -> Iterator[Examined]:
    """Ask about scene after scene; types that have been asked about least come first.

    Args:
        examinee: Sees both cameras' pictures and nothing else.
        scenes: How many, at least 1.
        questions: Of each scene, at least 1; each once per wording that its type has.
        seed: First seed, at least :data:`sim.seeds.EVALUATION_SEED`.
        image_size: Height and width of the pictures in pixels.
        render: False shows black pictures.
        backend: See :func:`sim.backend.choose_backend`.

    Yields:
        One scene's trials.

    Raises:
        ValueError: an argument is outside its choices, or ``seed`` may have been trained on.
    """
    check_evaluation_seed(seed)
    for name, value in (("scenes", scenes), ("questions", questions)):
        if value < 1:
            raise ValueError(f"{name} {value} must be at least 1")
    asked: Counter[str] = Counter()
    with GoalWorld(image_size, backend, render) as world:
        for scene_seed in range(seed, seed + scenes):
            lay_scene(world, scene_seed, evaluation=True)
            truth = world.truth()
            scene = scene_of(truth, world.goal.names, world.entities(truth))
            chosen = _chosen(scene, scene_seed, asked, questions)
            pictures = world.pictures()
            answer = examinee(pictures)
            trials = [_trial(answer, split, scene_seed, turn) for split, turn in chosen]
            yield Examined(pictures, tuple(trials))


def _chosen(scene: Scene, seed: int, asked: Counter[str], questions: int) -> list[tuple[Split, Turn]]:
    """What to ask of a scene; ``asked`` counts along."""
    order = np.random.default_rng([seed, 13]).permutation(len(TYPES))
    numbered = sorted(zip(TYPES, order, range(len(TYPES)), strict=True), key=lambda x: (asked[x[0]], x[1]))
    found: list[tuple[Split, Turn]] = []
    count = 0
    for name, _, number in numbered:
        if count == questions:
            break
        turns: list[tuple[Split, Turn]] = []
        for split in SPLITS:
            # The same stream for both wordings: what is asked about is drawn first.
            turn = TYPES[name].turn(scene, np.random.default_rng([seed, 14, number]), split)
            if turn is not None:
                turns.append((split, turn))
        if turns:
            found += turns
            asked[name] += 1
            count += 1
    return found


def _trial(answer: Answerer, split: Split, seed: int, turn: Turn) -> Trial:
    got = answer(turn.question)
    return Trial(
        type=turn.type,
        kind=turn.kind,
        split=split,
        seed=seed,
        question=turn.question,
        expected=turn.answer,
        got=got,
        right=score_answers(turn.type, turn.answer, got),
        overlap=overlap(turn.answer, got) if turn.kind == "description" else None,
    )
