"""Real-time chunking: how a new chunk goes on from the one that is being carried out.

While a policy thinks, the arm carries out rows of the chunk in hand; the new chunk must begin with those rows
and depart from the others without a jump. Three ways over flow matching:

* ``guided``: inpainting while sampling, with the exact vector-Jacobian product (arXiv 2506.07339, after
  pseudoinverse guidance, arXiv 2310.04432);
* ``stop_gradient``: the same with the Jacobian taken for the identity: one pass instead of two;
* ``trained``: the network was trained to go on from clean rows (arXiv 2512.05964) and needs no guidance.

A policy that writes a chunk bin by bin always is trained to: the rows are what it has written already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Chunking = Literal["auto", "trained", "guided", "stop_gradient", "off"]
CHUNKING: tuple[Chunking, ...] = ("auto", "trained", "guided", "stop_gradient", "off")


@dataclass(frozen=True)
class Overlap:
    """The prefixes of B robots, in the network's scale.

    Attributes:
        actions: (B, T, A); rows past a prefix's end are zero.
        frozen: (B,) int64, rows that will be carried out before the answer arrives.
        rows: (B,) int64, rows that a prefix has, at most T.
        way: How to go on from them: ``"trained"``, ``"guided"`` or ``"stop_gradient"``.
    """

    actions: Tensor
    frozen: Tensor
    rows: Tensor
    way: Chunking

    @property
    def committed(self) -> Tensor:
        """(B, T) bool, True on frozen rows."""
        return torch.arange(self.actions.shape[1], device=self.actions.device) < self.frozen[:, None]

    @property
    def weight(self) -> Tensor:
        """(B, T), see :func:`soft_mask`."""
        return soft_mask(self.frozen, self.rows, self.actions.shape[1])


def linear_mask(frozen: Tensor, rows: Tensor, chunk: int) -> Tensor:
    """How much each row of a new chunk is drawn to the old one's, falling in equal steps.

    Args:
        frozen: (B,) rows d that are certain to be carried out.
        rows: (B,) rows known of the old chunk, H - s in the paper; ``frozen`` counts at most as many.
        chunk: Rows T.

    Returns:
        (B, T) float32: 1 on the first d rows, then falling, 0 from the last known row on.
    """
    number = torch.arange(chunk, device=frozen.device)
    frozen, end = torch.minimum(frozen, rows)[:, None], rows[:, None]
    falling = ((frozen - 1 - number) / (end - frozen + 1) + 1).clamp(0, 1)
    return torch.where(number < end, falling, 0.0)


def soft_mask(frozen: Tensor, rows: Tensor, chunk: int) -> Tensor:
    """As :func:`linear_mask`, falling exponentially: arXiv 2506.07339, equation 5."""
    linear = linear_mask(frozen, rows, chunk)
    return linear * torch.expm1(linear) / math.expm1(1)


def guidance_weight(time: float, limit: float) -> float:
    """The factor of the guidance at flow time ``time`` in 0..1, at most ``limit`` (the paper's beta)."""
    if time == 0:
        return limit
    rest = 1 - time
    variance = rest**2 / (time**2 + rest**2)
    return min(limit, rest / (time * variance)) if rest > 0 else 0.0
