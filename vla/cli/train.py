"""``handily train``."""

from __future__ import annotations

from dataclasses import dataclass

from policies.config import TrainConfig
from vla.cli.settings import configured


@dataclass(frozen=True)
class TrainCommand:
    """Keys of ``handily train``.

    Attributes:
        policy: Config group: how actions are learned.
        data: Folder of demonstrations.
        cache: Folder for their decoded copy; made at the first use.
        seed: Every random draw follows from it.
        out: Folder of the run.
        train: Everything about training, see ``policies/config.py``.
    """

    policy: str
    data: str
    cache: str
    seed: int
    out: str
    train: TrainConfig


def train(overrides: list[str], show_config: bool) -> None:
    """Fill the cache once, then train or resume."""
    config = configured("train", overrides, TrainCommand, show_config)
    raise NotImplementedError(config)
