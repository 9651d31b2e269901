from __future__ import annotations

import numpy as np
import pytest

from sim.crops import CLASSES, cut_crops, named
from sim.objects import COLOUR_NAMES, HELD_OUT_PAIRS, KIND_INDEX, ROW, ROWS
from sim.stills import StillSettings, draw_stills
from vla.dataset.frames import FrameCache


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> FrameCache:
    folder = tmp_path_factory.mktemp("stills") / "some"
    list(draw_stills(StillSettings(folder, 40, image_size=64), workers=0))
    return FrameCache.open_stills(folder)


def test_classes_are_the_pairs_of_training_scenes_and_the_fixtures() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 26 + 5
    assert not {f"{colour} {shape}" for colour, shape in HELD_OUT_PAIRS} & set(CLASSES)
    assert "red block" in CLASSES
    assert "drawer_inside" not in CLASSES


def test_the_same_still_gives_the_same_crop_of_something_it_shows(stills: FrameCache) -> None:
    pictures, classes = cut_crops(stills, 32)
    again, _ = cut_crops(stills, 32)
    assert pictures.shape == (len(classes), 32, 32, 3)
    assert np.array_equal(pictures, again)
    assert len(set(classes.tolist())) > 8
    assert 30 < len(classes) <= 40


def test_the_middle_of_a_crop_is_where_the_thing_stands(stills: FrameCache) -> None:
    table = np.array(stills.columns["label.entities"]).reshape(-1, ROWS, 9)
    centres: set[bytes] = set()
    for k, entities in enumerate(table):
        for row in range(ROWS):
            if named(row, entities) is not None:
                x, y = (entities[row, 5:7] * 64).astype(int)
                centres.add(stills.images["front"][k][y, x].tobytes())
    pictures, _ = cut_crops(stills, 32)
    assert all(picture[16, 16].tobytes() in centres for picture in pictures)


def test_what_has_no_name_or_is_not_in_the_picture_is_never_shown() -> None:
    entities = np.zeros((ROWS, 9), np.float32)
    entities[:, 1], entities[:, 5:7] = -1, 0.5
    entities[0, :2] = KIND_INDEX["block"], COLOUR_NAMES.index("red")
    entities[ROW["bowl"], 0] = KIND_INDEX["bowl"]
    entities[ROW["drawer_inside"], 0] = KIND_INDEX["drawer_inside"]
    assert named(0, entities) == CLASSES.index("red block")
    assert named(ROW["bowl"], entities) == CLASSES.index("bowl")
    assert named(ROW["drawer_inside"], entities) is None
    assert named(1, entities) is None
    entities[0, 1] = -1
    assert named(0, entities) is None
    entities[ROW["bowl"], 5] = 1.2
    assert named(ROW["bowl"], entities) is None
