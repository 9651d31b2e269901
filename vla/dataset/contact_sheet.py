"""A dataset as one picture: a row per episode, a column per time, all cameras, the instruction above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vla.dataset.reader import Dataset, Pictures
from vla.dataset.schema import DatasetError

_CELL = 128
_GAP = 4
_CAPTION = 22
_PAPER, _INK = (24, 26, 30), (235, 235, 235)


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
