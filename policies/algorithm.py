"""What the ways of learning actions have in common, and the table that names them."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from policies.act import Regression
from policies.autoregressive import Autoregressive
from policies.chunking import Chunking, Overlap
from policies.config import TrainConfig
from policies.diffusion import Diffusion
from policies.flow import FlowMatching
from vla.models.vla import VLA, Context


class Algorithm(Protocol):
    """A loss that trains the expert and a sampler that uses it, both on normalised chunks."""

    @property
    def ways(self) -> tuple[Chunking, ...]:
        """How it can go on from a chunk in hand, best first; empty where it cannot."""
        ...

    @property
    def max_delay(self) -> float:
        """Most committed rows that the way ``"trained"`` is good for."""
        ...

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
            steps: Overrides the configured number of network evaluations, where that can be chosen.
            overlap: What the chunks go on from; its way is one of ``ways``.

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
        "autoregressive": lambda: Autoregressive(config.autoregressive),
    }[config.policy]()
