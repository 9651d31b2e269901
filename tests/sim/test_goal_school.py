"""Collecting lessons: the same ones whoever makes them, gone on with where it stopped, never the tests'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.goals import school
from sim.goals.lessons import lesson
from sim.goals.school import LessonSettings, collect_lessons, subject
from sim.seeds import EVALUATION_SEED
from vla.contract import ContractError
from vla.dataset.lessons import LessonText, read_blocks
from vla.dataset.schema import DatasetError


def told(root: Path, count: int, workers: int = 0, seed: int = 0) -> list[int]:
    return list(collect_lessons(LessonSettings(root, count, seed, pictures=False, talk=1), workers))


def texts(root: Path) -> list[LessonText]:
    return [text for block in read_blocks(root, pictures=False) for text in block.texts]


@pytest.fixture(autouse=True)
def blocks_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(school, "_BLOCK", 10)


def test_lesson_k_is_about_template_k_on_a_seed_of_its_own(tmp_path: Path) -> None:
    assert told(tmp_path / "told", 25) == [0, 10, 20, 25]
    found = texts(tmp_path / "told")
    assert [text.template for text in found] == [subject(k).name for k in range(25)]
    assert [text.seed for text in found] == list(range(found[0].seed, found[0].seed + 25))
    for k, text in enumerate(found):
        again = lesson(subject(k), text.seed, talk=1)
        assert (text.goal, text.seen, text.reply, text.turns) == (
            again.goal,
            again.seen,
            again.reply,
            again.turns,
        )


def test_an_interrupted_collection_goes_on_to_the_same_lessons(tmp_path: Path) -> None:
    told(tmp_path / "whole", 25)
    begun = collect_lessons(LessonSettings(tmp_path / "cut", 25, pictures=False, talk=1), 0)
    assert [next(begun), next(begun)] == [0, 10]
    del begun
    assert len(texts(tmp_path / "cut")) == 10
    assert told(tmp_path / "cut", 25) == [10, 20, 25]
    assert texts(tmp_path / "cut") == texts(tmp_path / "whole")
    assert told(tmp_path / "cut", 25) == [25]


def test_more_lessons_may_follow_and_a_short_block_is_filled_up(tmp_path: Path) -> None:
    assert told(tmp_path, 15)[-1] == 15
    assert told(tmp_path, 32) == [10, 20, 30, 32]
    assert len(texts(tmp_path)) == 32
    assert told(tmp_path, 5) == [5]
    assert len(texts(tmp_path)) == 32


def test_the_number_of_processes_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(school, "_BLOCK", 100)  # what a new process takes for a block
    told(tmp_path / "none", 6)
    assert told(tmp_path / "one", 6, workers=1) == [0, 6]
    assert texts(tmp_path / "none") == texts(tmp_path / "one")


def test_pictures_and_words_are_of_the_same_lesson(tmp_path: Path) -> None:
    settings = LessonSettings(tmp_path, 12, image_size=32, talk=1)
    assert list(collect_lessons(settings, 0)) == [0, 10, 12]
    first, second = read_blocks(tmp_path)
    assert first.images is not None
    assert second.images is not None
    assert first.images.shape == (10, 2, 32, 32, 3)
    assert second.images.shape == (2, 2, 32, 32, 3)
    assert first.points is not None
    assert len({image.tobytes() for image in first.images}) == 10
    points = first.points.astype(np.float32)
    shown = np.isfinite(points).all(-1)
    for text, there in zip(first.texts, np.atleast_2d(shown), strict=True):
        assert there.sum() <= text.seen.count(";") + 1
        assert there.any() or text.seen == "nothing ."
    assert -0.3 < points[shown].min() <= points[shown].max() < 1.3


@pytest.mark.parametrize(("key", "value"), [("seed", 1), ("talk", 2), ("image_size", 64)])
def test_other_settings_are_refused(tmp_path: Path, key: str, value: int) -> None:
    told(tmp_path, 3)
    base: dict[str, Any] = {"seed": 0, "pictures": False, "talk": 1, "image_size": 128, key: value}
    with pytest.raises(DatasetError, match="lessons of other settings"):
        next(collect_lessons(LessonSettings(tmp_path, 3, **base), 0))


@pytest.mark.parametrize(
    ("count", "seed"), [(0, 0), (1, -1), (EVALUATION_SEED // 4 + 1, 0), (1, EVALUATION_SEED // 4)]
)
def test_lessons_keep_to_seeds_of_their_own(count: int, seed: int) -> None:
    with pytest.raises(ContractError, match="lessons: seed"):
        LessonSettings(Path("anywhere"), count, seed)


def test_no_seed_of_a_lesson_is_one_of_evaluation_or_of_stills() -> None:
    last = LessonSettings(Path("anywhere"), EVALUATION_SEED // 4)
    assert school._FIRST_SEED + last.seed + last.count <= EVALUATION_SEED // 2 < EVALUATION_SEED
