"""What the three ways of learning actions have in common, and the table that names them."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from policies.act import Regression
from policies.chunking import Overlap
from policies.config import TrainConfig
from policies.diffusion import Diffusion
from policies.flow import FlowMatching
from vla.models.vla import VLA, Context


class Algorithm(Protocol):
    """A loss that trains the expert and a sampler that uses it, both on normalised chunks."""

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Scalar loss of chunks (B, T, A); rows where ``valid`` (B, T) is False do not count.

        Random draws come from torch's default generator, which the training loop seeds at each step.
        """
        ...

    def sample(
        self,
        network: VLA,
        context: Context,
        noise: Tensor,
        steps: int | None = None,
        overlap: Overlap | None = None,
    ) -> Tensor:
        """Chunks of actions.

        Args:
            network: In evaluation mode.
            context: Of B samples.
            noise: Standard normal, (B, T, A): all the chance there is.
            steps: Overrides the configured number of network evaluations.
            overlap: What the chunks go on from; only flow matching can, the others ignore it.

        Returns:
            (B, T, A), normalised.
        """
        ...


def build_algorithm(config: TrainConfig) -> Algorithm:
    """The algorithm that ``config.policy`` names, with its settings."""
    return {
        "flow": lambda: FlowMatching(config.flow),
        "diffusion": lambda: Diffusion(config.diffusion),
        "act": lambda: Regression(config.act),
    }[config.policy]()
