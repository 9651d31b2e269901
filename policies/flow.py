"""Flow matching (arXiv 2210.02747), in the form used for robot actions by pi0 (arXiv 2410.24164).

Time runs from noise to data: ``x_t = (1 - t) noise + t action``, ``v = action - noise``, t in [0, 1].
pi0 publishes the opposite direction; a checkpoint says which one it holds.

With ``max_delay`` the network also learns to go on from rows that are committed already (training-time
real-time chunking, arXiv 2512.05964): they are given clean, at t = 1, and only the rows after them count.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from policies.chunking import Chunking, Overlap, guidance_weight
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
        max_delay: Most committed rows trained for, few of them more often than many; 0 turns training-time
            real-time chunking off.
        guidance: Largest factor of the guidance where the network goes on from rows without having been
            trained for it (beta in arXiv 2506.07339).
    """

    draws: int = 2
    beta: float = 1.5
    cutoff: float = 0.999
    steps: int = 6
    max_delay: int = 0
    guidance: float = 5.0


def draw_time(shape: tuple[int, ...], config: FlowConfig, device: torch.device) -> Tensor:
    """Flow times ``1 - cutoff * Beta(beta, 1)``; the Beta's inverse CDF is ``u ** (1 / beta)``."""
    return 1.0 - config.cutoff * torch.rand(shape, device=device) ** (1.0 / config.beta)


class FlowMatching:
    """Learns the velocity field that carries noise to actions."""

    def __init__(self, config: FlowConfig) -> None:
        self.config = config
        self.max_delay = float(config.max_delay)
        always: tuple[Chunking, ...] = ("guided", "stop_gradient")
        self.ways: tuple[Chunking, ...] = ("trained", *always) if config.max_delay else always

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Mean squared error of the velocity over the rows to be found; see ``Algorithm.loss``."""
        actions = actions[:, None].expand(-1, self.config.draws, -1, -1)
        time = draw_time((*actions.shape[:2], 1), self.config, actions.device)
        weight = valid[:, None].expand(actions.shape[:3])
        if self.config.max_delay:
            delay = ((self.config.max_delay + 1) * torch.rand_like(time) ** 2).long()
            committed = torch.arange(actions.shape[2], device=actions.device) < delay
            time = torch.where(committed, 1.0, time)
            weight = weight & ~committed
        noise = torch.randn_like(actions)
        noisy = (1 - time[..., None]) * noise + time[..., None] * actions
        error = (network.velocity(context, noisy, time) - (actions - noise)).square().mean(-1)
        return (error * weight).sum() / weight.sum().clamp(min=1)

    def sample(
        self,
        network: VLA,
        context: Context,
        noise: Tensor,
        steps: int | None = None,
        overlap: Overlap | None = None,
    ) -> Tensor:
        """Euler integration from t = 0 to t = 1; see ``Algorithm.sample``."""
        steps = steps or self.config.steps
        x = noise
        for i in range(steps):
            x = x + self._velocity(network, context, x, i / steps, overlap) / steps
        if overlap is None:
            return x
        return torch.where(overlap.committed[..., None], overlap.actions, x)

    def _velocity(
        self, network: VLA, context: Context, x: Tensor, time: float, overlap: Overlap | None
    ) -> Tensor:
        if overlap is None:
            return network.velocity(context, x, x.new_full((len(x), 1), time))
        if overlap.way == "trained":
            committed = overlap.committed
            x = torch.where(committed[..., None], overlap.actions, x)
            return network.velocity(context, x, torch.where(committed, 1.0, time))
        return self._guided(network, context, x, time, overlap)

    def _guided(self, network: VLA, context: Context, x: Tensor, time: float, overlap: Overlap) -> Tensor:
        """The velocity, bent so that the chunk it leads to agrees with the old one where that counts."""
        clock = x.new_full((len(x), 1), time)
        exact = overlap.way == "guided"
        with torch.set_grad_enabled(exact):
            x = x.detach().requires_grad_(exact)
            velocity = network.velocity(context, x, clock)
            ahead = x + (1 - time) * velocity
        error = (overlap.actions - ahead.detach()) * overlap.weight[..., None]
        pull = torch.autograd.grad(ahead, x, error)[0] if exact else error
        return velocity.detach() + guidance_weight(time, self.config.guidance) * pull
