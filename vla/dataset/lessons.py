"""Lessons on disk: blocks of pictures with what can be seen, and of talk about it.

A folder holds ``settings.json`` and, per block, ``block-NNNNNN.jsonl`` (a lesson per line) and, where there
are pictures, ``block-NNNNNN.npz`` with ``images`` uint8 (n, cameras, H, W, 3) and ``points`` float16
(n, P, 2). The text appears last, so that a block with text is whole.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla.dataset.schema import DatasetError, fsync, read_json, write_text

_WORDS = ("template", "kind", "goal", "seen", "reply")


@dataclass(frozen=True, slots=True)
class LessonText:
    """One lesson's words.

    Attributes:
        template: The goal's template.
        kind: Its kind.
        seed: Draws it.
        goal: What the person says.
        history: Instructions that have been carried out.
        seen: What can be seen, in the words of :mod:`vla.planner.seen`.
        reply: What to say, in the words of :mod:`vla.planner.grammar`.
        turns: Further questions about the picture with their answers.
    """

    template: str
    kind: str
    seed: int
    goal: str
    history: tuple[str, ...]
    seen: str
    reply: str
    turns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LessonBlock:
    """Some lessons.

    Attributes:
        texts: Their words.
        images: uint8 (n, cameras, H, W, 3), or None.
        points: Where what has a name is in the first camera's picture, float16 (n, P, 2), or None.
    """

    texts: Sequence[LessonText]
    images: NDArray[np.uint8] | None = None
    points: NDArray[np.float16] | None = None


def block_name(first: int) -> str:
    """The stem of a block's files."""
    return f"block-{first:06d}"


def claim(root: Path, settings: dict[str, Any]) -> None:
    """Make the folder, or make sure that it holds lessons of the same settings.

    Raises:
        DatasetError: it holds something else.
    """
    path = root / "settings.json"
    if path.exists():
        if (found := read_json(path)) != settings:
            raise DatasetError(
                f"{root} holds lessons of other settings, {found}; give these a folder of their own"
            )
        return
    if root.exists() and any(root.iterdir()):
        raise DatasetError(f"{root} is not empty and holds no lessons; give them a folder of their own")
    root.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(settings))


def block_size(root: Path, first: int) -> int:
    """How many lessons that block has; 0 where it is not there, or not whole."""
    path = root / f"{block_name(first)}.jsonl"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def write_block(root: Path, first: int, block: LessonBlock) -> None:
    """Write a block so that it appears whole or not at all, in place of one that was there."""
    stem = root / block_name(first)
    stem.with_suffix(".jsonl").unlink(missing_ok=True)
    if block.images is not None and block.points is not None:
        draft = root / f".{stem.name}.npz"
        np.savez(draft, images=block.images, points=block.points)
        fsync(draft)
        os.replace(draft, stem.with_suffix(".npz"))
    write_text(stem.with_suffix(".jsonl"), "".join(json.dumps(asdict(text)) + "\n" for text in block.texts))


def read_settings(root: Path) -> dict[str, Any]:
    """The settings that the lessons are a function of.

    Raises:
        DatasetError: there are no lessons in ``root``.
    """
    path = root / "settings.json"
    if not path.exists():
        raise DatasetError(f"{root} holds no lessons; to make some: handily collect lessons=20000 out={root}")
    return read_json(path)


def read_blocks(root: Path, pictures: bool = True) -> Iterator[LessonBlock]:
    """The blocks in their order.

    Args:
        root: The folder.
        pictures: Whether to read the pictures too.

    Raises:
        DatasetError: ``root`` holds no lessons, a line is none, or wanted pictures are missing or damaged.
    """
    read_settings(root)
    paths = sorted(root.glob("block-*.jsonl"))
    if not paths:
        raise DatasetError(f"{root} holds no lesson yet; the collection of them was stopped early")
    for path in paths:
        texts = [_text(line, path) for line in path.read_text(encoding="utf-8").splitlines()]
        if not pictures:
            yield LessonBlock(texts)
            continue
        stored = path.with_suffix(".npz")
        if not stored.exists():
            raise DatasetError(f"{root} holds lessons without pictures; collect with pictures=true")
        yield LessonBlock(texts, *_pictures(stored, len(texts)))


def _pictures(path: Path, count: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, points = arrays["images"], arrays["points"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} is damaged: {error}") from error
    if len(images) != count or len(points) != count:
        raise DatasetError(f"{path} is damaged: {len(images)} pictures of {count} lessons")
    return images, points


def _text(line: str, path: Path) -> LessonText:
    try:
        row = json.loads(line)
        if strangers := [name for name in _WORDS if not isinstance(row[name], str)]:
            raise TypeError(f"{', '.join(strangers)}: no words")
        return LessonText(
            **row
            | {
                "history": tuple(row["history"]),
                "turns": tuple((question, answer) for question, answer in row["turns"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{path}: {line[:80]!r} is no lesson: {error}") from error
