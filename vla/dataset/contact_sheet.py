"""A dataset as one picture: a row per episode, a column per time, all cameras, the instruction above.

Stills have no time: each takes one cell, with a ring around what its instruction is about.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vla.dataset.frames import FrameCache
from vla.dataset.reader import Dataset, Pictures
from vla.dataset.schema import DatasetError

_CELL = 128
_GAP = 4
_CAPTION = 22
_PAPER, _INK = (24, 26, 30), (235, 235, 235)
_STILL_LINES, _STILL_LETTERS, _LINE = 4, 21, 13
_ENTITIES = "label.entities"


def contact_sheet(
    dataset: Dataset, episodes: Sequence[int], path: Path | str, columns: int = 8
) -> tuple[int, int]:
    """Write a PNG of some episodes.

    Args:
        dataset: Where they are.
        episodes: Their numbers, one row of the sheet each.
        path: The PNG to write; its folder is created.
        columns: Times per episode, evenly spread from the first to the last row.

    Returns:
        Width and height of the sheet in pixels.

    Raises:
        DatasetError: no episode or an unknown one is asked for, a file is damaged, or there is no camera.
    """
    if not episodes or columns < 1 or not dataset.cameras:
        raise DatasetError(
            f"a contact sheet needs episodes, columns >= 1 and cameras; got {list(episodes)}, {columns}, "
            f"{list(dataset.cameras)}"
        )
    cameras = list(dataset.cameras.values())
    row_height = _CAPTION + len(cameras) * (_CELL + _GAP) + _GAP
    size = (_GAP + columns * (_CELL + _GAP), row_height * len(episodes))
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    with Pictures(dataset) as pictures:
        for row, index in enumerate(episodes):
            times = dataset.columns(index, ["timestamp"])["timestamp"]
            chosen = np.linspace(0, len(times) - 1, columns).round().astype(int)
            top = row * row_height
            draw.text((_GAP + 2, top + 4), _caption(dataset, index, size[0], font), _INK, font)
            arrays = pictures.read(index, times[np.unique(chosen)])
            for line, camera in enumerate(cameras):
                for column, place in enumerate(np.unique(chosen, return_inverse=True)[1]):
                    left = _GAP + column * (_CELL + _GAP)
                    upper = top + _CAPTION + line * (_CELL + _GAP)
                    sheet.paste(_cell(arrays[camera][place]), (left, upper))
                    if line == 0:
                        words = f"{times[chosen[column], 0]:.1f} s"
                        draw.text(
                            (left + 4, upper + _CELL - 18),
                            words,
                            _INK,
                            font,
                            stroke_width=2,
                            stroke_fill=_PAPER,
                        )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return size


def stills_sheet(
    stills: FrameCache, chosen: Sequence[int], path: Path | str, columns: int = 8
) -> tuple[int, int]:
    """Write a PNG of some stills, all cameras of each under its instruction.

    Args:
        stills: A cache whose episodes have one row each.
        chosen: Which, left to right and top to bottom.
        path: The PNG to write; its folder is created.
        columns: Stills side by side.

    Returns:
        Width and height of the sheet in pixels.

    Raises:
        DatasetError: none is asked for, or there is no camera.
    """
    if not chosen or columns < 1 or not stills.images:
        raise DatasetError(
            f"a sheet needs stills, columns >= 1 and cameras; got {len(chosen)}, {columns}, "
            f"{list(stills.images)}"
        )
    words = _STILL_LINES * _LINE + _GAP
    tall, wide = words + len(stills.images) * (_CELL + _GAP), _CELL + _GAP
    size = (_GAP + columns * wide, _GAP + tall * -(-len(chosen) // columns))
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for place, still in enumerate(chosen):
        left, top = _GAP + (place % columns) * wide, _GAP + (place // columns) * tall
        lines = textwrap.wrap(stills.tasks[still], _STILL_LETTERS, max_lines=_STILL_LINES, placeholder="...")
        draw.multiline_text((left, top), "\n".join(lines), _INK, font, spacing=1)
        for c, images in enumerate(stills.images.values()):
            upper = top + words + c * (_CELL + _GAP)
            sheet.paste(_cell(images[still]), (left, upper))
            spot = _seen(stills, still, c)
            if spot is not None:
                x, y = left + spot[0] * _CELL, upper + spot[1] * _CELL
                for radius, colour in ((10, _PAPER), (9, _INK)):
                    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=2)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return size


def _seen(stills: FrameCache, still: int, camera: int) -> tuple[float, float] | None:
    """u and v, in 0..1, of what the first query is about; None where the camera does not see it."""
    queries = stills.queries[still]
    if not queries or _ENTITIES not in stills.columns:
        return None
    entities = np.asarray(stills.columns[_ENTITIES][still]).reshape(-1, 5 + 2 * len(stills.images))
    u, v = (float(value) for value in entities[queries[0]["target"], 5 + 2 * camera :][:2])
    return (u, v) if 0 <= u < 1 and 0 <= v < 1 else None


def _caption(
    dataset: Dataset, index: int, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> str:
    episode = dataset.episodes[index]
    success = dataset.sidecar.get(episode.index, {}).get("success")
    verdict = "" if success is None else ", success" if success else ", failure"
    text = f"{index}: {'; '.join(episode.tasks)}  ({episode.length / float(dataset.fps):.1f} s{verdict})"
    room = width - 4 * _GAP
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "...") > room:
        text = text[:-1]
    return text + "..."


def _cell(image: NDArray[np.uint8]) -> Image.Image:
    cell = Image.new("RGB", (_CELL, _CELL), _PAPER)
    picture = Image.fromarray(image)
    picture.thumbnail((_CELL, _CELL))
    cell.paste(picture, ((_CELL - picture.width) // 2, (_CELL - picture.height) // 2))
    return cell
