"""What object queries would believe if they were sure of a table."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import one_hot

from policies.eyes import labels_of
from vla.models.scene import Sighting
from vla.planner.grammar import FIXTURES, NAMES
from vla.planner.seen import COLUMNS, ROWS, Seen, parse_seen
from vla.planner.sight import PLACES, STATES

SURE = 20.0


def certain(seen: Seen) -> Sighting:
    """Beliefs without a doubt about a table, of one picture."""
    points = np.full((1, len(NAMES) + len(FIXTURES), 2), np.nan)
    labels = labels_of([seen], points)

    def logits(values: np.ndarray, classes: int) -> torch.Tensor:
        return SURE * one_hot(torch.from_numpy(np.clip(values, 0, None)), classes).float()

    return Sighting(
        logits(labels.count, 3),
        logits(labels.place, len(PLACES)),
        logits(labels.base, 8),
        SURE * (torch.from_numpy(labels.over).float() * 2 - 1),
        logits(labels.state, len(STATES)),
        torch.zeros(1, len(NAMES) + len(FIXTURES), 256),
        logits(labels.column, COLUMNS),
        logits(labels.row, ROWS),
    )


def sighting_of(text: str) -> Sighting:
    """The same for a table in the words of :mod:`vla.planner.seen`."""
    return certain(parse_seen(text))
