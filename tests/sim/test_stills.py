"""Stills: the same scenes whoever draws them, finished after an interruption, fit for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.objects import COLOUR_NAMES, HELD_OUT_PAIRS, POOL, ROWS
from sim.seeds import EVALUATION_SEED
from sim.stills import StillSettings, draw_stills
from sim.tasks import TASKS
from vla.dataset.frames import FrameCache
from vla.dataset.schema import DatasetError

SMALL = 32


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> FrameCache:
    folder = tmp_path_factory.mktemp("stills") / "some"
    assert list(draw_stills(StillSettings(folder, 60, image_size=SMALL), workers=0)) == [0, 50, 60]
    return FrameCache.open(folder)


def same(one: FrameCache, other: FrameCache) -> bool:
    arrays = [(one.images[n], other.images[n]) for n in one.images]
    arrays += [(one.columns[n], other.columns[n]) for n in one.columns]
    return one.queries == other.queries and all(np.array_equal(a, b) for a, b in arrays)


def test_a_still_is_an_episode_of_one_row_of_every_family(drawn: FrameCache) -> None:
    assert len(drawn.tasks) == 60
    assert drawn.images["front"].shape == (60, SMALL, SMALL, 3)
    assert np.array_equal(drawn.bounds, np.arange(61))
    assert [q[0]["family"] for q in drawn.queries[:11]] == list(TASKS)
    assert all(text for q in drawn.queries for query in q for text in query["texts"])


def test_pictures_and_labels_show_different_tables_and_arms(drawn: FrameCache) -> None:
    fronts = {image.tobytes() for image in drawn.images["front"]}
    tools = drawn.state[:, 7:10]
    assert len(fronts) == 60
    assert np.ptp(tools, axis=0).min() > 0.2
    entities = drawn.columns["label.entities"].reshape(60, ROWS, 9)
    assert (entities[:, :, 0] > 0).sum(1).min() >= 2
    # What an instruction names stands in the front picture, or nearly so.
    for queries, table in zip(drawn.queries, entities, strict=True):
        row = table[queries[0]["target"]]
        assert row[0] > 0
        assert -0.1 < row[5] < 1.1
        assert -0.1 < row[6] < 1.1


def test_no_still_shows_a_held_out_pair(drawn: FrameCache) -> None:
    entities = drawn.columns["label.entities"].reshape(60, ROWS, 9)[:, : len(POOL)]
    pairs = {(COLOUR_NAMES[int(r[1])], POOL[i]) for t in entities for i, r in enumerate(t) if r[1] >= 0}
    assert len(pairs) > 15
    assert not pairs & HELD_OUT_PAIRS


def test_an_interrupted_run_goes_on_to_the_same_stills(drawn: FrameCache, tmp_path: Path) -> None:
    settings = StillSettings(tmp_path / "again", 60, image_size=SMALL)
    begun = draw_stills(settings, workers=0)
    assert [next(begun), next(begun)] == [0, 50]
    del begun
    with pytest.raises(DatasetError, match="no filled cache"):
        FrameCache.open(settings.root)
    assert list(draw_stills(settings, workers=0)) == [50, 60]
    assert same(FrameCache.open(settings.root), drawn)
    assert list(draw_stills(settings, workers=0)) == [60]


def test_the_number_of_processes_changes_nothing(drawn: FrameCache, tmp_path: Path) -> None:
    settings = StillSettings(tmp_path / "two", 60, image_size=SMALL)
    assert list(draw_stills(settings, workers=2))[-1] == 60
    assert same(FrameCache.open_stills(settings.root), drawn)


def test_other_settings_and_foreign_folders_are_refused(drawn: FrameCache, tmp_path: Path) -> None:
    begun = draw_stills(StillSettings(tmp_path / "mine", 60, image_size=SMALL), workers=0)
    next(begun)
    del begun
    with pytest.raises(DatasetError, match="other settings"):
        next(draw_stills(StillSettings(tmp_path / "mine", 61, image_size=SMALL), workers=0))
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("precious")
    with pytest.raises(DatasetError, match="holds no stills"):
        next(draw_stills(StillSettings(tmp_path / "theirs", 5), workers=0))
    assert (tmp_path / "theirs" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (1, -1), (EVALUATION_SEED, 0)])
def test_stills_never_reach_the_seeds_of_evaluation(count: int, seed: int) -> None:
    with pytest.raises(ValueError, match="stills: seed"):
        StillSettings(Path("anywhere"), count, seed)
