"""The pictures that whoever looks asks an observation for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, Observation


def picture_of(observation: Observation, camera: str) -> NDArray[np.uint8]:
    """A camera's picture, uint8 (H, W, 3).

    Raises:
        ContractError: the observation lacks it; the message lists what there is.
    """
    if camera not in observation.images:
        raise ContractError(f"camera {camera!r} is missing; the observation has {sorted(observation.images)}")
    return observation.images[camera]
