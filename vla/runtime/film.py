"""The pictures a run leaves behind: ``run.mp4`` and ``contact_sheet.png``.

Frames are only kept while the robot moves and drawn afterwards, so that filming never delays a control tick.
At 20 Hz and two cameras of 128 x 128 px a minute takes about 120 MB of memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vla.contract import Plan
from vla.runtime.report import TickReport

_GAP_PX = 8
_INK, _FAINT, _PAPER = (240, 240, 240), (160, 170, 185), (24, 26, 30)
_STAYS_S = 2.0
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class Shot:
    """One moment.

    Attributes:
        images: Camera name to uint8 RGB of shape (H, W, 3).
        caption: The subgoal being carried out.
        time_s: Seconds since the first shot.
        notes: What the planner sees, and thinks of it: lines drawn smaller below the caption.
    """

    images: Mapping[str, NDArray[np.uint8]]
    caption: str
    time_s: float
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Film:
    """An ``on_tick`` consumer that keeps what was seen.

    Attributes:
        fps: Shots per second, which the video plays back at.
        shots: What was kept so far.
    """

    fps: float
    shots: list[Shot] = field(default_factory=list)
    _began_s: float | None = None

    def __call__(self, report: TickReport) -> None:
        """Keep one tick; its arrays are referred to, not copied, and must not change afterwards."""
        stamp_s = report.observation.stamp_s
        if self._began_s is None:
            self._began_s = stamp_s
        time_s, plan = stamp_s - self._began_s, report.plan
        self.shots.append(Shot(report.observation.images, caption_of(plan), time_s, notes_of(plan)))

    def take(self, plan: Plan | None = None) -> list[Shot]:
        """What was kept since the last call; the next shot is a first one again.

        Args:
            plan: The last plan. Where it moved nothing, its words stay on the last picture for two seconds.
        """
        shots, self.shots, self._began_s = self.shots, [], None
        if plan is not None and plan.kind != "steps" and shots:
            images, began_s, words = shots[-1].images, shots[-1].time_s, (caption_of(plan), notes_of(plan))
            count = round(_STAYS_S * self.fps)
            shots += [Shot(images, words[0], began_s + i / self.fps, words[1]) for i in range(1, count + 1)]
        return shots


def caption_of(plan: Plan | None) -> str:
    """Where a plan is, or what it says instead of steps."""
    if plan is None:
        return "thinking ..."
    if plan.kind != "steps":
        return f"{plan.kind}: {plan.note}"
    if plan.done:
        return "done"
    place = f"{plan.index + 1} of {len(plan.steps)}: " if len(plan.steps) > 1 else ""
    return place + plan.steps[plan.index]


def notes_of(plan: Plan | None) -> tuple[str, ...]:
    """What the planner sees, and what it thinks; whichever of the two there is."""
    if plan is None:
        return ()
    seen = (f"sees {plan.seen}",) if plan.seen else ()
    return (*seen, plan.note) if plan.note and plan.kind == "steps" else seen


def write_video(path: Path, shots: Sequence[Shot], fps: float, side_px: int = 384) -> None:
    """Write an MP4 (H.264): cameras side by side, the caption below.

    Args:
        path: Appears only when the video is complete.
        shots: At least one, all with the same cameras.
        fps: Shots per second.
        side_px: Height of the cameras' part of the picture, in pixels.

    Raises:
        ValueError: there is no shot.
    """
    if not shots:
        raise ValueError(f"{path.name}: a video needs at least one shot")
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    with av.open(str(draft), "w", options={"movflags": "faststart"}) as container:
        rate = Fraction(fps).limit_denominator(1000)
        stream = cast(VideoStream, container.add_stream("libx264", rate))
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        notes = max(len(shot.notes) for shot in shots)
        first = draw_shot(shots[0], side_px, notes)
        stream.width, stream.height = first.width, first.height
        for shot in shots:
            container.mux(stream.encode(av.VideoFrame.from_image(draw_shot(shot, side_px, notes))))
        container.mux(stream.encode())
    os.replace(draft, path)


def write_contact_sheet(
    path: Path, shots: Sequence[Shot], title: str, columns: int = 4, rows: int = 3
) -> None:
    """Write a PNG of moments spread evenly over the run, first and last included, but none twice.

    Args:
        path: Where to write.
        shots: At least one.
        title: Drawn on top.
        columns: Pictures beside each other.
        rows: Pictures below each other.

    Raises:
        ValueError: there is no shot.
    """
    if not shots:
        raise ValueError(f"{path.name}: a contact sheet needs at least one shot")
    chosen = np.unique(np.linspace(0, len(shots) - 1, columns * rows).round().astype(int))
    moments = [shots[i] for i in chosen]
    moments = [b for a, b in zip([None, *moments], moments, strict=False) if a is None or not _same(a, b)]
    notes = max(len(shot.notes) for shot in shots)
    draw_grid([draw_shot(shot, 192, notes) for shot in moments], columns, title).save(path)


def _same(a: Shot, b: Shot) -> bool:
    """True when two shots differ in nothing but their time."""
    words = (a.caption, a.notes) == (b.caption, b.notes)
    return words and all(np.array_equal(a.images[name], b.images[name]) for name in a.images)


def draw_grid(tiles: Sequence[Image.Image], columns: int, title: str) -> Image.Image:
    """Pictures of one size in a grid, row by row, below a title."""
    width, height = tiles[0].size
    head_px = 36
    rows = -(-len(tiles) // columns)
    columns = min(columns, len(tiles))
    size = (columns * (width + _GAP_PX) + _GAP_PX, rows * (height + _GAP_PX) + head_px)
    sheet = Image.new("RGB", size, _PAPER)
    _write_text(sheet, (_GAP_PX, 6), title, 20, sheet.width - 2 * _GAP_PX)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        sheet.paste(tile, (_GAP_PX + column * (width + _GAP_PX), head_px + row * (height + _GAP_PX)))
    return sheet


def draw_shot(shot: Shot, side_px: int, notes: int = 0) -> Image.Image:
    """Cameras side by side in the order of their names, each ``side_px`` high, with the caption below.

    Width and height are even, as H.264 wants them.

    Args:
        shot: What to draw.
        side_px: Height of the cameras' part, in pixels.
        notes: How many lines of notes to leave room for; the shot's further ones are not drawn.
    """
    pictures: list[Image.Image] = []
    for name in sorted(shot.images):
        picture = Image.fromarray(np.ascontiguousarray(shot.images[name]))
        width_px = round(picture.width * side_px / picture.height)
        pictures.append(picture.resize((width_px, side_px), Image.Resampling.BICUBIC))
    line_px = 2 * max(12, side_px // 16)
    small_px = max(10, line_px * 2 // 5)
    bar_px = line_px + notes * (small_px + 4) // 2 * 2 + (6 if notes else 0)
    width = sum(picture.width for picture in pictures) + _GAP_PX * (len(pictures) - 1)
    canvas = Image.new("RGB", (width + width % 2, side_px + side_px % 2 + bar_px), _PAPER)
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, 0))
        left += picture.width + _GAP_PX
    text = f"{shot.time_s:.1f} s   {shot.caption}"
    room_px = canvas.width - 2 * _GAP_PX
    _write_text(canvas, (_GAP_PX, side_px + line_px // 6), text, line_px // 2, room_px)
    for i, note in enumerate(shot.notes[:notes]):
        at = (_GAP_PX, side_px + line_px * 11 // 12 + i * (small_px + 4))
        _write_text(canvas, at, note, small_px, room_px, _FAINT)
    return canvas


def _write_text(
    canvas: Image.Image,
    at: tuple[int, int],
    text: str,
    size_px: int,
    room_px: int,
    ink: tuple[int, int, int] = _INK,
) -> None:
    """Draw one line, smaller and in the end cut where it would not fit into ``room_px``."""
    text = text[:_LONGEST]
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size_px)
    needed_px = draw.textlength(text, font)
    if needed_px > room_px:
        font = ImageFont.load_default(max(8, int(size_px * room_px / needed_px)))
    while len(text) > 4 and draw.textlength(text, font) > room_px:
        text = text[:-4].rstrip() + "..."
    draw.text(at, text, fill=ink, font=font)
