"""Plain regression of chunks with an L1 loss (the non-variational core of ACT, arXiv 2304.13705).

The same network with nothing to denoise: zeros in, and the expert's learned row embeddings serve as the
action queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from policies.chunking import Chunking, Overlap
from vla.models.vla import VLA, Context


@dataclass(frozen=True)
class ActConfig:
    """Settings of the regression.

    Attributes:
        time: The constant flow time the expert is told, in 0..1.
    """

    time: float = 1.0


class Regression:
    """Learns the median chunk."""

    ways: tuple[Chunking, ...] = ()
    max_delay = 0.0

    def __init__(self, config: ActConfig) -> None:
        self.config = config

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Mean absolute error over valid rows; see ``Algorithm.loss``."""
        error = (self.sample(network, context, actions) - actions).abs().mean(-1)
        return (error * valid).sum() / valid.sum().clamp(min=1)

    def sample(
        self,
        network: VLA,
        context: Context,
        noise: Tensor,
        steps: int | None = None,
        overlap: Overlap | None = None,
    ) -> Tensor:
        """One evaluation, whatever the noise; see ``Algorithm.sample``."""
        zeros = torch.zeros_like(noise)
        return network.velocity(context, zeros, zeros.new_full((len(zeros), 1), self.config.time))
