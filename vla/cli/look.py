"""``handily look``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vla.cli.image_text import image_text_model
from vla.cli.settings import check_device
from vla.cli.terminal import console
from vla.config import ConfigError
from vla.dataset.pictures import read_picture
from vla.models.clip import ensemble, probabilities


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
