"""The pictures an evaluation leaves: a clip per failure, a grid of them, and one picture of every task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.video.stream import VideoStream
from PIL import Image

from sim.episode import SHOTS_PER_S
from vla.runtime.film import Shot, draw_grid, draw_shot, write_video

GRID_CLIPS = 16
GRID_COLUMNS = 4
MAX_CLIPS = 200
"""Failures kept as clips; a policy that fails everything must not fill the disk."""
_SHEET_SHOTS = 4


@dataclass(frozen=True, slots=True)
class Take:
    """What is written on an episode's pictures.

    Attributes:
        name: Of its clip, unique within the evaluation.
        note: Behind the caption of every picture of the clip.
        success: Failures become clips.
    """

    name: str
    note: str
    success: bool


class Reel:
    """Collects footage while an evaluation runs.

    Clips are written as they come; the grid and the sheet are drawn at the end.

    Args:
        folder: Created if it does not exist.
        sheet_title: Of the sheet.
    """

    def __init__(self, folder: Path, sheet_title: str = "one episode per task") -> None:
        self._folder, self._sheet_title = folder, sheet_title
        (folder / "failures").mkdir(parents=True, exist_ok=True)
        self._sheet: dict[int, list[Shot]] = {}
        self._failures: dict[int, Path] = {}

    def add(self, index: int, filmed: bool, take: Take, shots: Sequence[Shot]) -> None:
        """Take the pictures of the episode with that job number; without pictures nothing happens."""
        if not shots:
            return
        if filmed:
            chosen = [round(i * (len(shots) - 1) / (_SHEET_SHOTS - 1)) for i in range(_SHEET_SHOTS)]
            verdict = "done" if take.success else "failed"
            self._sheet[index] = [
                Shot(shots[i].images, f"{verdict}: {shots[i].caption}", shots[i].time_s) for i in chosen
            ]
        if not take.success and len(self._failures) < MAX_CLIPS:
            captioned = [Shot(shot.images, f"{shot.caption} {take.note}", shot.time_s) for shot in shots]
            write_video(self._clip(take.name), captioned, SHOTS_PER_S, side_px=160)
            self._failures[index] = self._clip(take.name)

    def recall(self, index: int, name: str) -> None:
        """Take the clip of an episode played before, where one was kept."""
        if self._clip(name).is_file():
            self._failures[index] = self._clip(name)

    def _clip(self, name: str) -> Path:
        return self._folder / "failures" / f"{name}.mp4"

    def finish(self) -> None:
        """Write ``contact_sheet.png`` (filmed episodes) and ``failures.mp4`` (where anything failed)."""
        tiles = [draw_shot(shot, 128) for index in sorted(self._sheet) for shot in self._sheet[index]]
        if tiles:
            draw_grid(tiles, _SHEET_SHOTS, self._sheet_title).save(self._folder / "contact_sheet.png")
        if self._failures:
            paths = [self._failures[index] for index in sorted(self._failures)]
            step = max(1, len(paths) // GRID_CLIPS)
            write_grid(self._folder / "failures.mp4", paths[::step][:GRID_CLIPS])


def write_grid(path: Path, clips: Sequence[Path], columns: int = GRID_COLUMNS) -> None:
    """One video that shows several clips beside each other; the shorter ones rest on their last frame.

    Args:
        path: Appears only when the video is complete.
        clips: Videos of one picture size, at least one.
        columns: Clips beside each other.

    Raises:
        ValueError: there is no clip.
    """
    if not clips:
        raise ValueError(f"{path.name}: a grid needs at least one clip")
    films = [_frames(clip) for clip in clips]
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    with av.open(str(draft), "w", options={"movflags": "faststart"}) as container:
        stream = cast(VideoStream, container.add_stream("libx264", Fraction(SHOTS_PER_S)))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        for k in range(max(map(len, films))):
            page = _even(draw_grid([film[min(k, len(film) - 1)] for film in films], columns, "failures"))
            if k == 0:
                stream.width, stream.height = page.size
            container.mux(stream.encode(av.VideoFrame.from_image(page)))
        container.mux(stream.encode())
    os.replace(draft, path)


def _frames(clip: Path) -> list[Image.Image]:
    with av.open(str(clip)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def _even(page: Image.Image) -> Image.Image:
    """H.264 wants an even width and height."""
    return page.crop((0, 0, page.width - page.width % 2, page.height - page.height % 2))
