"""Picture files, read as what they show and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError
from vla.extras import needs

_MOST_PIXELS = 100_000_000


class PictureError(ContractError):
    """A file is no picture that can be used; the message says why."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as uint8 RGB, (H, W, 3).

    Raises:
        PictureError: it is no picture, a damaged one, or one of more than 100 megapixels.
        FileNotFoundError: there is none.
        PermissionError: it may not be read.
        MissingExtra: Pillow is not installed.
    """
    with needs("images"):
        from PIL import Image, UnidentifiedImageError
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise PictureError(f"{path} has more than 100 megapixels: {opened.width} x {opened.height}")
            return np.asarray(opened.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path} has more than 100 megapixels") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{path} is no picture that Pillow knows (PNG, JPEG, WebP, ...)") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder, not a picture") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError, PictureError)):
            raise
        raise PictureError(f"{path} is a damaged picture: {error}") from error
