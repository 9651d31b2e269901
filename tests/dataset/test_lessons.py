"""Lessons on disk: whole blocks only, of one making, and damage is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vla.dataset.lessons import (
    LessonBlock,
    LessonText,
    block_size,
    claim,
    read_blocks,
    read_settings,
    write_block,
)
from vla.dataset.schema import DatasetError

SETTINGS = {"seed": 0, "cameras": ["front", "wrist"]}
TEXT = LessonText(
    "fetch", "fetch", 7, "bring it", ("open the drawer",), "drawer open .", "done.", (("is it?", "yes"),)
)


def block(count: int = 3, pictures: bool = True, fill: int = 0) -> LessonBlock:
    texts = [replace(TEXT, seed=seed) for seed in range(count)]
    if not pictures:
        return LessonBlock(texts)
    images = np.full((count, 2, 4, 4, 3), fill, np.uint8)
    return LessonBlock(texts, images, np.full((count, 5, 2), 0.5, np.float16))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    claim(tmp_path / "lessons", SETTINGS)
    return tmp_path / "lessons"


def test_what_is_written_is_read_in_order(root: Path) -> None:
    write_block(root, 100, block(2, fill=9))
    write_block(root, 0, block(3, fill=4))
    first, second = read_blocks(root)
    assert [len(found.texts) for found in (first, second)] == [3, 2]
    assert first.texts == block(3).texts
    assert first.images is not None
    assert second.images is not None
    assert first.points is not None
    assert (first.images.max(), second.images.max()) == (4, 9)
    assert first.points.dtype == np.float16
    assert all(found.images is None for found in read_blocks(root, pictures=False))
    assert read_settings(root) == SETTINGS
    assert (block_size(root, 0), block_size(root, 100), block_size(root, 200)) == (3, 2, 0)


def test_a_folder_belongs_to_one_making(root: Path, tmp_path: Path) -> None:
    claim(root, SETTINGS)
    with pytest.raises(DatasetError, match="holds lessons of other settings"):
        claim(root, SETTINGS | {"seed": 1})
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("precious")
    with pytest.raises(DatasetError, match="is not empty and holds no lessons"):
        claim(tmp_path / "theirs", SETTINGS)
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["thesis.txt"]


def test_a_block_is_whole_or_not_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_block(root, 0, block(2, fill=1))

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("vla.dataset.lessons.write_text", full)
        with pytest.raises(OSError, match="disk is full"):
            write_block(root, 0, block(3, fill=2))
    # New pictures must not be read with the old words.
    assert block_size(root, 0) == 0
    with pytest.raises(DatasetError, match="holds no lesson yet"):
        list(read_blocks(root))
    write_block(root, 0, block(3, fill=2))
    assert block_size(root, 0) == 3
    assert len(next(read_blocks(root)).texts) == 3


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "null",
        "[1]",
        json.dumps({"template": "x"}),
        json.dumps({"history": [], "turns": [["a"]]}),
        json.dumps({**{name: "x" for name in ("template", "kind", "goal", "seen")}, "seed": 0, "reply": 3,
                    "history": [], "turns": []}),
    ],
)  # fmt: skip
def test_a_damaged_line_is_named(root: Path, line: str) -> None:
    write_block(root, 0, block(2, pictures=False))
    path = root / "block-000000.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DatasetError, match=r"block-000000\.jsonl: .* is no lesson"):
        list(read_blocks(root, pictures=False))


def test_missing_and_damaged_pictures_are_named(root: Path) -> None:
    write_block(root, 0, block(2, pictures=False))
    with pytest.raises(DatasetError, match="collect with pictures=true"):
        list(read_blocks(root))
    write_block(root, 0, block(2))
    path = root / "block-000000.npz"
    whole = path.read_bytes()
    for broken in (whole[:100], b"", b"PK", whole[:-30]):
        path.write_bytes(broken)
        with pytest.raises(DatasetError, match=r"block-000000\.npz is damaged"):
            list(read_blocks(root))
    np.savez(path, images=np.zeros((3, 2, 4, 4, 3), np.uint8), points=np.zeros((3, 5, 2), np.float16))
    with pytest.raises(DatasetError, match="damaged: 3 pictures of 2 lessons"):
        list(read_blocks(root))
    np.savez(path, images=np.array([object()], object), points=np.zeros((2, 5, 2)))
    with pytest.raises(DatasetError, match="is damaged"):
        list(read_blocks(root))


def test_no_lessons_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="handily collect lessons=20000 out="):
        list(read_blocks(tmp_path))
    with pytest.raises(DatasetError, match="holds no lessons"):
        read_settings(tmp_path / "nowhere")
