"""Pictures beside conversations: read from their own folder only, and refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vla.dataset.conversations import picture_in
from vla.dataset.schema import DatasetError


def test_a_picture_is_read_as_colours(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6), 90, np.uint8)).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(picture_in(tmp_path, "grey.png"), np.full((4, 6, 3), 90, np.uint8))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../grey.png", "'../grey.png' lies outside of the folder"),
        ("gone.png", "'gone.png' cannot be read"),
        ("words.png", "'words.png' cannot be read: .*no picture that Pillow knows"),
        (".", "'.' cannot be read: .*is a folder"),
    ],
)
def test_what_cannot_be_shown_is_named(name: str, says: str, tmp_path: Path) -> None:
    (folder := tmp_path / "chats").mkdir()
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "grey.png")
    (folder / "words.png").write_text("no picture")
    with pytest.raises(DatasetError, match=says):
        picture_in(folder, name)
