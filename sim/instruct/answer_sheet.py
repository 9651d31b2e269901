"""Examined answers as one picture: both cameras, and beside them what was asked, answered and expected."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sim.instruct.examination import Examined, Trial

_PICTURE, _GAP, _LINE, _LETTERS, _COLUMN, _COLUMNS = 200, 12, 15, 62, 450, 2
_PAPER, _INK, _SOFT = (24, 26, 30), (235, 235, 235), (150, 160, 175)
_RIGHT, _WRONG = (150, 215, 150), (245, 130, 120)

Line = tuple[str, tuple[int, int, int]]


def answer_sheet(scenes: Sequence[Examined], path: Path, at_most: int = 8) -> tuple[int, int]:
    """Write a PNG: a row per scene, mistakes first.

    Args:
        scenes: At least one.
        path: The PNG to write.
        at_most: Answers shown of each scene.

    Returns:
        Width and height in pixels.

    Raises:
        ValueError: there is nothing to show.
    """
    if not scenes:
        raise ValueError("a sheet needs at least one scene")
    columns = [_columns(scene.trials, at_most) for scene in scenes]
    cameras = max(len(scene.pictures) for scene in scenes)
    heights = [max(_PICTURE, _LINE * max(map(len, each))) + 2 * _GAP for each in columns]
    left = cameras * (_PICTURE + _GAP) + _GAP
    size = (left + _COLUMNS * _COLUMN, sum(heights))
    sheet, font, top = Image.new("RGB", size, _PAPER), ImageFont.load_default(12), _GAP
    draw = ImageDraw.Draw(sheet)
    for scene, texts, height in zip(scenes, columns, heights, strict=True):
        for i, pixels in enumerate(scene.pictures.values()):
            picture = Image.fromarray(pixels).resize((_PICTURE, _PICTURE))
            sheet.paste(picture, (_GAP + i * (_PICTURE + _GAP), top))
        for i, lines in enumerate(texts):
            for number, (words, colour) in enumerate(lines):
                draw.text((left + i * _COLUMN, top + _LINE * number), words, colour, font)
        top += height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return size


def _columns(trials: Sequence[Trial], at_most: int) -> list[list[Line]]:
    """Lines of each column; answers are dealt to the shorter one."""
    found: list[list[Line]] = [[] for _ in range(_COLUMNS)]
    for trial in sorted(trials, key=lambda trial: trial.right)[:at_most]:
        min(found, key=len).extend(_lines(trial))
    return found


def _lines(trial: Trial) -> list[Line]:
    """A question with its answer, and the expected one where that is another."""
    parts: list[Line] = [(trial.question, _INK), (f"  {trial.got}", _RIGHT if trial.right else _WRONG)]
    if not trial.right:
        parts.append((f"  expected: {trial.expected}", _SOFT))
    indented = [(textwrap.wrap(text, _LETTERS, subsequent_indent="    ") or ["  -"], c) for text, c in parts]
    return [(line, colour) for lines, colour in indented for line in lines]
