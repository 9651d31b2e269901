"""Regression of chunks with an L1 loss, plain or with ACT's style variable (arXiv 2304.13705).

The same network with nothing to denoise: zeros in, and the expert's learned row embeddings serve as the
action queries. With ``model.expert.latent`` an encoder sees the demonstrated chunk in training and tells the
expert how it was done (a conditional variational autoencoder); afterwards the style is its prior's mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from policies.chunking import Chunking, Overlap
from vla.models.action_expert import ActionExpert
from vla.models.vla import VLA, Context


@dataclass(frozen=True)
class ActConfig:
    """Settings of the regression.

    Attributes:
        time: The constant flow time the expert is told, in 0..1.
        divergence: Weight of the style's divergence from its prior, where there is a style.
    """

    time: float = 1.0
    divergence: float = 10.0


class Regression:
    """Learns the median chunk, of a style where there is one."""

    ways: tuple[Chunking, ...] = ()
    max_delay = 0.0

    def __init__(self, config: ActConfig) -> None:
        self.config = config

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Mean absolute error over valid rows, and the style's divergence; see ``Algorithm.loss``."""
        style, divergence = None, actions.new_zeros(())
        if network.config.expert.latent:
            assert isinstance(network.expert, ActionExpert)
            assert network.expert.style is not None
            mean, spread = network.expert.style(actions, valid)
            style = mean + torch.randn_like(mean) * (0.5 * spread).exp()
            divergence = -0.5 * (1 + spread - mean.square() - spread.exp()).sum(-1).mean()
        error = (self._chunk(network, context, actions, style) - actions).abs().mean(-1)
        return (error * valid).sum() / valid.sum().clamp(min=1) + self.config.divergence * divergence

    def sample(
        self,
        network: VLA,
        context: Context,
        noise: Tensor,
        steps: int | None = None,
        overlap: Overlap | None = None,
    ) -> Tensor:
        """One evaluation, whatever the noise; see ``Algorithm.sample``."""
        return self._chunk(network, context, noise, None)

    def _chunk(self, network: VLA, context: Context, like: Tensor, style: Tensor | None) -> Tensor:
        zeros = torch.zeros_like(like)
        return network.velocity(context, zeros, zeros.new_full((len(zeros), 1), self.config.time), style)
