"""The sheet shows the right pictures in the right places."""

import numpy as np
import pytest
from PIL import Image

from vla.dataset.contact_sheet import contact_sheet, stills_sheet
from vla.dataset.frames import FrameCache
from vla.dataset.reader import Dataset
from vla.dataset.schema import DatasetError
from vla.dataset.writer import DatasetWriter

SHADES = (60, 220)


@pytest.fixture
def dataset(tmp_path):
    """Two episodes; the red channel tells the time, the green one the episode, the blue one the camera."""
    writer = DatasetWriter.create_or_resume(
        tmp_path / "data", {}, 10, "arm", cameras={"front": (64, 64), "wrist": (64, 64)}
    )
    for episode in range(2):
        frames = {}
        for camera, name in enumerate(("front", "wrist")):
            images = np.zeros((11, 64, 64, 3), np.uint8)
            images[..., 0] = (20 * np.arange(11))[:, None, None]
            images[..., 1], images[..., 2] = SHADES[episode], SHADES[camera]
            frames[f"observation.images.{name}"] = images
        writer.add_episode(frames, "put the red block in the bowl " * (1 + 9 * episode), success=True)
    writer.finish()
    return Dataset.open(tmp_path / "data")


def test_rows_are_episodes_columns_are_times(tmp_path, dataset):
    width, height = contact_sheet(dataset, [1, 0], tmp_path / "new" / "sheet.png", columns=3)
    sheet = np.asarray(Image.open(tmp_path / "new" / "sheet.png")).astype(int)
    assert sheet.shape == (height, width, 3)
    for row, episode in enumerate([1, 0]):
        top = row * height // 2
        for camera in range(2):
            for column, time in enumerate([0, 5, 10]):
                # Pictures of 64 pixels sit in the middle of cells of 128, 4 apart, under a caption of 22.
                y, x = top + 22 + camera * 132 + 64, 4 + column * 132 + 64
                expected = (20 * time, SHADES[episode], SHADES[camera])
                assert np.abs(sheet[y, x] - expected).max() < 25
    caption = sheet[2:20]
    assert caption.max() > 200
    assert caption[:, -4:].max() < 60  # a long instruction is cut, not run over the edge


@pytest.mark.parametrize(("episodes", "columns"), [([], 3), ([0], 0), ([2], 3)])
def test_impossible_sheets_are_refused(tmp_path, dataset, episodes, columns):
    with pytest.raises(DatasetError):
        contact_sheet(dataset, episodes, tmp_path / "sheet.png", columns)
    assert not (tmp_path / "sheet.png").exists()


@pytest.fixture
def stills():
    """Three stills in three shades; the thing asked about is seen by the second camera alone."""
    entities = np.zeros((3, 2, 9), np.float32)
    entities[:, 1] = [1, 0, 0, 0, 0, -9, -9, 0.25, 0.75]
    query = {"texts": ["push the red block"], "family": "push", "target": 1, "destination": -1, "point": None}
    shades = np.array([40, 120, 200], np.uint8)[:, None, None, None]
    return FrameCache(
        fps=20.0,
        stride=1,
        images={name: np.broadcast_to(shades, (3, 128, 128, 3)) for name in ("front", "wrist")},
        columns={"label.entities": entities.reshape(3, -1)},
        frame_index_of=np.arange(3),
        bounds=np.arange(4),
        tasks=("push the red block",) * 3,
        queries=([query],) * 3,
        splits=("train",) * 3,
        features={},
    )


def test_stills_stand_side_by_side_with_a_ring_where_something_is_asked_for(tmp_path, stills):
    width, height = stills_sheet(stills, range(3), tmp_path / "new" / "stills.png", columns=2)
    sheet = np.asarray(Image.open(tmp_path / "new" / "stills.png")).astype(int)
    assert sheet.shape == (height, width, 3)
    tall, caption = (height - 4) // 2, 4 * 13 + 4
    for still, shade in enumerate((40, 120, 200)):
        top, left = 4 + still // 2 * tall, 4 + still % 2 * 132
        assert sheet[top : top + caption, left : left + 128].max() > 200
        front = sheet[top + caption :, left:][:128, :128]
        wrist = sheet[top + caption + 132 :, left:][:128, :128]
        assert (front == shade).all()
        assert wrist[96, 32].tolist() == [shade] * 3  # the middle of the ring stays clear
        assert wrist[96, 32 - 8].tolist() == [235] * 3
        assert (wrist[:80] == shade).all()


def test_a_sheet_of_no_stills_is_refused(tmp_path, stills):
    with pytest.raises(DatasetError, match="got 0"):
        stills_sheet(stills, [], tmp_path / "stills.png")
