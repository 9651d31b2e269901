"""Data as one picture: every talk beside the scene that it is about, a column per kind."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.instruct import KINDS
from sim.instruct.context import from_json
from sim.instruct.records import Record
from sim.instruct.scene import Box
from vla.dataset.schema import DatasetError
from vla.extras import needs

_PICTURE, _GAP, _LINE, _LETTERS, _COLUMN = 220, 12, 15, 52, 380
_PAPER, _INK, _SOFT, _ANSWER = (24, 26, 30), (235, 235, 235), (150, 160, 175), (150, 215, 150)
_BOX = (250, 210, 60)

Line = tuple[str, tuple[int, int, int]]


def talk_sheet(
    root: Path, records: Sequence[Record], contexts: Mapping[str, dict[str, Any]], path: Path
) -> tuple[int, int]:
    """Write a PNG: per picture a row with the picture, its boxes, and the talks of each kind beside it.

    Args:
        root: The folder that holds the pictures.
        records: What was said about them.
        contexts: Path of a picture below ``root`` to its context.
        path: The PNG to write.

    Returns:
        Width and height in pixels.

    Raises:
        DatasetError: there is nothing to show, or a picture is missing.
    """
    with needs("images"):
        from PIL import Image, ImageDraw, ImageFont

    if not records:
        raise DatasetError("a sheet needs at least one record")
    font, head = ImageFont.load_default(12), ImageFont.load_default(13)
    images = list(dict.fromkeys(record.image for record in records))
    columns = {image: [_lines(records, image, kind) for kind in KINDS] for image in images}
    heights = [max(_PICTURE, _LINE * (2 + max(map(len, columns[image])))) + 2 * _GAP for image in images]
    size = (_PICTURE + 2 * _GAP + len(KINDS) * _COLUMN, sum(heights))
    sheet = Image.new("RGB", size, _PAPER)
    draw, top = ImageDraw.Draw(sheet), _GAP
    for image, height in zip(images, heights, strict=True):
        if not (root / image).exists():
            raise DatasetError(f"{root / image} is missing")
        with Image.open(root / image) as picture:
            sheet.paste(picture.convert("RGB").resize((_PICTURE, _PICTURE)), (_GAP, top))
        if image in contexts:
            for name, box in from_json(contexts[image]["scene"]).boxes.items():
                left, upper, right, lower = _scaled(box, top)
                draw.rectangle((left, upper, right, lower), outline=_BOX)
                draw.text((left + 2, upper - 11), name.split()[0], _BOX, ImageFont.load_default(9))
        for column, kind in enumerate(KINDS):
            left = _PICTURE + 2 * _GAP + column * _COLUMN
            draw.text((left, top), kind, _SOFT, head)
            for number, (words, colour) in enumerate(columns[image][column]):
                draw.text((left, top + _LINE * (number + 1) + 4), words, colour, font)
        top += height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return size


def _lines(records: Sequence[Record], image: str, kind: str) -> list[Line]:
    """What is said about a picture, question and answer in turn."""
    found: list[Line] = []
    for record in records:
        if record.image != image or record.kind != kind:
            continue
        for turn in record.turns:
            found += [(line, _INK) for line in textwrap.wrap(turn.question, _LETTERS)]
            found += [(f"  {line}", _ANSWER) for line in textwrap.wrap(turn.answer, _LETTERS - 2)]
    return found


def _scaled(box: Box, top: int) -> tuple[float, float, float, float]:
    """In pixels of the sheet."""
    left, upper, right, lower = (value * _PICTURE for value in box)
    return _GAP + left, top + upper, _GAP + right, top + lower
