"""Conversations about pictures on disk, in the format in which LLaVA is trained (arXiv 2304.08485).

A folder holds :data:`DATA`, a record per line: ``image``, a path below the folder, and ``conversations``,
what ``human`` and ``gpt`` said in turns; :data:`IMAGE` stands before the first question.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from vla.dataset.pictures import PictureError, read_picture
from vla.dataset.schema import DatasetError

DATA: Final = "data.jsonl"
IMAGE: Final = "<image>\n"
"""Here the picture goes."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said about a picture.

    Attributes:
        image: Its path below the folder.
        turns: Questions and answers in order.
    """

    image: str
    turns: tuple[tuple[str, str], ...]


def conversation_of(record: Mapping[str, Any]) -> Conversation:
    """The conversation of a record.

    Raises:
        DatasetError: it is something else.
    """
    try:
        values = [str(part["value"]) for part in record["conversations"]]
        values[0] = values[0].removeprefix(IMAGE)
        return Conversation(str(record["image"]), tuple(zip(values[::2], values[1::2], strict=True)))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DatasetError(f"not a record of visual instruction data: {error!r}") from error


def read_records(root: Path, parse: Callable[[Any], _T]) -> list[_T]:
    """The records of a folder.

    Args:
        root: The folder.
        parse: Reads a record, or raises ``DatasetError``.

    Raises:
        DatasetError: there are none, or a line is something else.
    """
    path = root / DATA
    if not path.exists():
        raise DatasetError(f"{root} holds no {DATA}; make some with: handily vqa generate out={root}")
    records: list[_T] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(parse(json.loads(line)))
        except (DatasetError, json.JSONDecodeError) as error:
            raise DatasetError(f"{path}, line {number}: {error}") from error
    return records


def picture_in(root: Path, image: str) -> NDArray[np.uint8]:
    """A record's picture, uint8 (H, W, 3).

    Raises:
        DatasetError: it is not there, lies outside of the folder, or is no picture.
        MissingExtra: Pillow is not installed.
    """
    path = (root / image).resolve()
    if not path.is_relative_to(root.resolve()):
        raise DatasetError(f"{root}: the picture {image!r} lies outside of the folder")
    try:
        return read_picture(path)
    except (OSError, PictureError) as error:
        raise DatasetError(f"{root}: the picture {image!r} cannot be read: {error}") from error
