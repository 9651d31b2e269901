"""``handily look``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla.cli.image_text import image_text_model
from vla.cli.settings import check_device
from vla.cli.terminal import console
from vla.config import ConfigError
from vla.extras import needs
from vla.models.clip import ensemble, probabilities

_MOST_PIXELS = 100_000_000


def look(image: str, labels: Sequence[str], model: str | None, device: str) -> None:
    """Print the labels, likeliest first."""
    check_device(device)
    if not all(label.strip() for label in labels):
        raise ConfigError("a label has no words")
    picture = read_picture(Path(image))
    found = image_text_model(model, device)
    classes = ensemble(found, [[label] for label in labels])
    chances = probabilities(found, picture[None], classes)[0]
    out = console()
    for place in np.argsort(-chances, kind="stable"):
        out.print(f"{chances[place]:7.2%}  {labels[place]}", markup=False)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as uint8 RGB, (H, W, 3).

    Raises:
        ConfigError: it is no picture, a damaged one, or one of more than 100 megapixels.
        FileNotFoundError: there is none.
    """
    with needs("images"):
        from PIL import Image, UnidentifiedImageError
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ConfigError(f"{path} has more than 100 megapixels: {opened.width} x {opened.height}")
            return np.asarray(opened.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise ConfigError(f"{path} has more than 100 megapixels") from error
    except UnidentifiedImageError as error:
        raise ConfigError(f"{path} is no picture that Pillow knows (PNG, JPEG, WebP, ...)") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path} is a folder, not a picture") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError, ConfigError)):
            raise
        raise ConfigError(f"{path} is a damaged picture: {error}") from error
