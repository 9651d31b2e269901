"""Flow matching (arXiv 2210.02747), in the form used for robot actions by pi0 (arXiv 2410.24164).

Time runs from noise to data: ``x_t = (1 - t) noise + t action``, ``v = action - noise``, t in [0, 1].
pi0 publishes the opposite direction; a checkpoint says which one it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from vla.models.vla import VLA, Context

CONVENTION = "t=0 noise, t=1 data, v = action - noise"


@dataclass(frozen=True)
class FlowConfig:
    """Settings of flow matching.

    Attributes:
        draws: Noises and times drawn per encoded sample; the expert costs little beside the encoder.
        beta: First parameter of the Beta(beta, 1) over noisiness; above 1 favours the noisy end.
        cutoff: Largest noisiness that Beta's draw is scaled to.
        steps: Euler steps of the sampler.
    """

    draws: int = 2
    beta: float = 1.5
    cutoff: float = 0.999
    steps: int = 6


def draw_time(shape: tuple[int, ...], config: FlowConfig, device: torch.device) -> Tensor:
    """Flow times ``1 - cutoff * Beta(beta, 1)``; the Beta's inverse CDF is ``u ** (1 / beta)``."""
    return 1.0 - config.cutoff * torch.rand(shape, device=device) ** (1.0 / config.beta)


class FlowMatching:
    """Learns the velocity field that carries noise to actions."""

    def __init__(self, config: FlowConfig) -> None:
        self.config = config

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Mean squared error of the velocity over valid rows and draws; see ``Algorithm.loss``."""
        actions = actions[:, None].expand(-1, self.config.draws, -1, -1)
        time = draw_time((*actions.shape[:2], 1), self.config, actions.device)
        noise = torch.randn_like(actions)
        noisy = (1 - time[..., None]) * noise + time[..., None] * actions
        error = (network.velocity(context, noisy, time) - (actions - noise)).square().mean((1, 3))
        return (error * valid).sum() / valid.sum().clamp(min=1)

    def sample(
        self, network: VLA, context: Context, generator: Generator | None = None, steps: int | None = None
    ) -> Tensor:
        """Euler integration from t = 0 to t = 1; see ``Algorithm.sample``."""
        steps = steps or self.config.steps
        expert = network.config.expert
        shape = (len(context.memory), expert.chunk, expert.action)
        x = torch.randn(shape, generator=generator, device=context.memory.device)
        for i in range(steps):
            time = x.new_full((len(x), 1), i / steps)
            x = x + network.velocity(context, x, time) / steps
        return x
