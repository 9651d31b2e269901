"""Videos join without touching a picture, and answer by time or say why not."""

import numpy as np
import pytest

from vla.dataset.schema import DatasetError
from vla.dataset.video import VideoReader, encode, join


def shades(*values):
    return np.stack([np.full((32, 48, 3), value, np.uint8) for value in values])


@pytest.fixture
def joined(tmp_path):
    encode(tmp_path / "a.mp4", shades(0, 20, 40, 60, 80), 20)
    encode(tmp_path / "b.mp4", shades(100, 120, 140), 20)
    join([tmp_path / "a.mp4", tmp_path / "b.mp4"], [5, 3], tmp_path / "ab.mp4", 20)
    return tmp_path / "ab.mp4"


def seen(reader, *times_s):
    return np.rint(reader.read(np.array(times_s)).mean((1, 2, 3)) / 20).astype(int).tolist()


def test_joined_pictures_keep_order_and_time(joined):
    with VideoReader(joined) as reader:
        assert seen(reader, *np.arange(8) / 20) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_reading_goes_back_jumps_and_repeats(joined):
    with VideoReader(joined) as reader:
        assert seen(reader, 0.25, 0.30) == [5, 6]
        assert seen(reader, 0.05) == [1]
        assert seen(reader, 0.05, 0.05, 0.35) == [1, 1, 7]
        assert seen(reader, 0.0) == [0]
        assert seen(reader) == []


def test_long_videos_are_sought_not_scanned(tmp_path):
    values = np.arange(400) // 2
    encode(tmp_path / "long.mp4", shades(*values), 20)
    with VideoReader(tmp_path / "long.mp4") as reader:
        for frame in (390, 3, 201, 200, 399, 0):
            got = reader.read(np.array([frame / 20])).mean()
            assert abs(got - values[frame]) <= 2


@pytest.mark.parametrize(("time_s", "words"), [(0.02, "no picture at 0.0200"), (0.45, "ends before 0.4500")])
def test_a_time_without_a_picture_is_an_error(joined, time_s, words):
    with VideoReader(joined) as reader, pytest.raises(DatasetError, match=words):
        reader.read(np.array([time_s]))


def test_missing_truncated_and_foreign_files_are_named(tmp_path, joined):
    with pytest.raises(DatasetError, match=r"nowhere\.mp4 is missing"):
        VideoReader(tmp_path / "nowhere.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(DatasetError, match=r"text\.mp4 is not a readable video"):
        VideoReader(tmp_path / "text.mp4")
    content = joined.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) - 200])
    with VideoReader(cut) as reader, pytest.raises(DatasetError, match=r"cut\.mp4"):
        reader.read(np.arange(8) / 20)


def test_joining_counts_the_pictures(tmp_path):
    encode(tmp_path / "a.mp4", shades(0, 1, 2), 20)
    with pytest.raises(DatasetError, match=r"a\.mp4 holds 3 pictures, expected 4"):
        join([tmp_path / "a.mp4"], [4], tmp_path / "out.mp4", 20)


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), dtype=np.uint8)
    for name in ("a", "b"):
        encode(tmp_path / name, images, 20)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
