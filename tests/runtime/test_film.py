"""A film shows what was seen: every shot once, cameras side by side, at the speed it happened."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from vla.contract import Observation, Plan
from vla.runtime.film import Film, Shot, draw_grid, draw_shot, write_contact_sheet, write_video
from vla.runtime.health import LoopHealth
from vla.runtime.report import TickReport

PLAN = Plan("do", ("stay", "go"), 1, ("done", "active"), "nearly there", seen="a door")


def shots(count: int, side: int = 32) -> list[Shot]:
    """The front camera brightens from shot to shot; the wrist camera stays dark red."""
    wrist = np.zeros((side, side, 3), np.uint8)
    wrist[..., 0] = 90
    return [
        Shot(
            {"wrist": wrist, "front": np.full((side, side, 3), min(255, 40 + 4 * i), np.uint8)},
            f"step {i}",
            i / 20,
        )
        for i in range(count)
    ]


def test_a_video_has_every_shot_at_its_rate_and_shows_the_right_picture(tmp_path: Path):
    path = tmp_path / "run.mp4"
    write_video(path, shots(30), 20.0, side_px=64)
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        assert stream.average_rate == 20
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]
    assert len(frames) == 30
    for i, frame in enumerate(frames):
        assert abs(float(frame[16:48, 16:48].mean()) - (40 + 4 * i)) < 4
    assert list(tmp_path.iterdir()) == [path]


def test_cameras_stand_beside_each_other_in_the_order_of_their_names():
    picture = np.asarray(draw_shot(shots(1)[0], 64))
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert (picture[8:56, 8:56] == 40).all()
    assert (picture[8:56, -56:-8] == (90, 0, 0)).all()


def test_captions_change_the_bar_below_and_nothing_else():
    first, second = shots(1)[0], Shot(shots(1)[0].images, "something else, and longer " * 6, 0.0)
    a, b = np.asarray(draw_shot(first, 64)), np.asarray(draw_shot(second, 64))
    assert (a[:64] == b[:64]).all()
    assert (a[64:] != b[64:]).any()


@pytest.mark.parametrize(("count", "tiles"), [(1, 1), (5, 5), (12, 12), (200, 12)])
def test_a_contact_sheet_shows_up_to_twelve_moments(tmp_path: Path, count: int, tiles: int):
    write_contact_sheet(tmp_path / "sheet.png", shots(count), "a title")
    tile = draw_shot(shots(1)[0], 192)
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width // tile.width == min(tiles, 4)
    assert height // tile.height == -(-tiles // 4)


def test_a_contact_sheet_shows_no_moment_twice(tmp_path: Path):
    still = [Shot(shots(1)[0].images, "so" if i < 9 else "and so", i / 20) for i in range(12)]
    write_contact_sheet(tmp_path / "sheet.png", still, "a title")
    assert Image.open(tmp_path / "sheet.png").width // draw_shot(still[0], 192).width == 2


def test_a_grid_places_tiles_row_by_row():
    tiles = [Image.new("RGB", (20, 10), (10 * i, 0, 0)) for i in range(5)]
    grid = np.asarray(draw_grid(tiles, 3, ""))
    reds = [int(value) for value in np.unique(grid[36:, :, 0][(grid[36:, :, 1] == 0)])]
    assert reds == [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    "write", [lambda path: write_video(path, [], 20), lambda path: write_contact_sheet(path, [], "")]
)
def test_nothing_to_show_is_refused_by_name(tmp_path: Path, write):
    with pytest.raises(ValueError, match=r"thing\.mp4"):
        write(tmp_path / "thing.mp4")
    assert not list(tmp_path.iterdir())


def test_a_film_keeps_each_tick_with_time_from_its_first_shot():
    film = Film(20.0)
    for i in range(3):
        seen = Observation(shots(1)[0].images, np.zeros(4, np.float32), 100.0 + i)
        film(
            TickReport(i, 7.0, seen, PLAN if i else None, None, np.zeros(4, np.float32), False, 0, LoopHealth)
        )
    assert [shot.time_s for shot in film.shots] == [0.0, 1.0, 2.0]
    assert [shot.caption for shot in film.shots] == ["thinking ...", "2 of 2: go", "2 of 2: go"]
    assert film.shots[1].notes == ("sees a door", "nearly there")
    assert len(film.take(PLAN)) == 3
    assert film.take() == []


def test_what_is_said_instead_of_done_stays_on_the_last_picture():
    film = Film(20.0)
    nothing = np.zeros(4, np.float32)
    film(
        TickReport(
            0, 7.0, Observation(shots(1)[0].images, nothing, 1.0), None, None, nothing, True, 0, LoopHealth
        )
    )
    taken = film.take(Plan("how many?", (), 0, (), "two", "answer", "two stars"))
    assert len(taken) == 41
    assert (taken[-1].caption, taken[-1].notes, taken[-1].time_s) == ("answer: two", ("sees two stars",), 2.0)
    assert film.take(Plan("how many?", (), 0, (), "two", "answer")) == []


def test_notes_have_room_on_every_picture_of_a_film_that_has_any(tmp_path: Path):
    plain = shots(3)
    noted = [*plain[:2], Shot(plain[2].images, "a", 0.1, ("sees much",))]
    for name, film in (("plain", plain), ("noted", noted)):
        write_video(tmp_path / f"{name}.mp4", film, 20.0, side_px=64)
        write_contact_sheet(tmp_path / f"{name}.png", film, "a title")
    with av.open(str(tmp_path / "plain.mp4")) as a, av.open(str(tmp_path / "noted.mp4")) as b:
        assert b.streams.video[0].height > a.streams.video[0].height
        assert b.streams.video[0].frames == 3
    assert Image.open(tmp_path / "noted.png").height > Image.open(tmp_path / "plain.png").height
    bar = np.asarray(draw_shot(noted[2], 64, notes=1))[64:]
    assert (bar != np.asarray(draw_shot(plain[2], 64, notes=1))[64:]).any()
