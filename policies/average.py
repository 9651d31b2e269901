"""An exponential moving average of weights: what is validated, rolled out and shipped."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """Follows a network's floating-point weights and buffers.

    The decay rises as ``(1 + n) / (10 + n)`` over the first updates n, so that the random start is forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the network's present weights; ``decay`` in [0, 1), 0 copies them at each update."""
        self._decay = decay
        self._source = {
            name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()
        }
        self.weights = {name: tensor.detach().clone() for name, tensor in self._source.items()}

    @torch.no_grad()
    def update(self, count: int) -> None:
        """Move towards the network's present weights; ``count`` updates came before."""
        decay = min(self._decay, (1 + count) / (10 + count))
        for name, tensor in self.weights.items():
            tensor.lerp_(self._source[name], 1 - decay)

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from saved averages.

        Raises:
            KeyError: a weight is missing.
        """
        for name, tensor in self.weights.items():
            tensor.copy_(weights[name])
