"""Collecting lessons: many templates, many seeds, several processes; what is on disk is not made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.blocks import spread
from sim.goals import TEMPLATES
from sim.goals.goal import Template
from sim.goals.lessons import lesson, pictured_lesson
from sim.goals.medley import MEDLEY
from sim.goals.world import GoalWorld
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError
from vla.dataset.lessons import LessonBlock, block_size, claim, write_block

_BLOCK = 100
_FIRST_SEED = EVALUATION_SEED // 4
"""Lessons' seeds begin here: below those of stills and above those of demonstrations."""
_ROOM = EVALUATION_SEED // 4

TAUGHT: tuple[Template, ...] = tuple(t for t in TEMPLATES.values() if not t.held_out)
"""The benchmark's templates but for those held out."""


def subject(k: int) -> Template:
    """What lesson ``k`` is about: the benchmark's templates and the medley take turns."""
    course = (TAUGHT, MEDLEY)[k % 2]
    return course[k // 2 % len(course)]


@dataclass(frozen=True, slots=True)
class LessonSettings:
    """What a folder of lessons is a function of.

    Attributes:
        root: The folder.
        count: Lessons in all; lesson k is about :func:`subject` of k.
        seed: Added to the first lesson's seed.
        pictures: Whether to draw what the cameras see.
        image_size: Picture side in pixels.
        talk: Questions and answers about what can be seen, per lesson.
    """

    root: Path
    count: int
    seed: int = 0
    pictures: bool = True
    image_size: int = 128
    talk: int = 2

    def __post_init__(self) -> None:
        if self.count < 1 or self.seed < 0 or self.seed + self.count > _ROOM:
            raise ContractError(
                f"lessons: seed {self.seed} + count {self.count} must lie in 1..{_ROOM}, with seed >= 0"
            )

    def fingerprint(self) -> dict[str, Any]:
        """What the lessons depend on; more of them may be added later."""
        return {
            "seed": self.seed,
            "pictures": self.pictures,
            "image_size": self.image_size,
            "talk": self.talk,
            "cameras": ["front", "wrist"],
            "templates": len(TAUGHT) + len(MEDLEY),
        }


def collect_lessons(settings: LessonSettings, workers: int = 1) -> Iterator[int]:
    """Make what is missing; yields how many lessons are on disk.

    Args:
        settings: The lessons.
        workers: Processes; 0 works in this one.

    Raises:
        DatasetError: the folder holds something else, or lessons of other settings.
    """
    claim(settings.root, settings.fingerprint())
    blocks = [range(k, min(k + _BLOCK, settings.count)) for k in range(0, settings.count, _BLOCK)]
    missing = [block for block in blocks if block_size(settings.root, block.start) < len(block)]
    done = settings.count - sum(map(len, missing))
    yield done
    for made in spread(partial(_make, settings), missing, workers):
        done += made
        yield done


_world: GoalWorld | None = None


def _make(settings: LessonSettings, block: range) -> int:
    global _world
    if settings.pictures and (_world is None or _world.spec.cameras["front"][0] != settings.image_size):
        _world = GoalWorld(settings.image_size)
    texts, images, points = [], [], []
    for k in block:
        template, seed = subject(k), _FIRST_SEED + settings.seed + k
        if _world is None or not settings.pictures:
            texts.append(lesson(template, seed, talk=settings.talk))
            continue
        found, picture = pictured_lesson(_world, template, seed, talk=settings.talk)
        texts.append(found)
        images.append(np.stack([picture.images[name] for name in ("front", "wrist")]))
        points.append(picture.points)
    arrays = (np.stack(images), np.stack(points)) if images else (None, None)
    write_block(settings.root, block.start, LessonBlock(texts, *arrays))
    return len(block)
