"""Denoising diffusion (DDPM, arXiv 2006.11239), sampled with DDIM (arXiv 2010.02502)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from policies.chunking import Chunking, Overlap
from vla.models.vla import VLA, Context


@dataclass(frozen=True)
class DiffusionConfig:
    """Settings of diffusion.

    Attributes:
        train_steps: Noise levels.
        steps: DDIM steps of the sampler.
        draws: Noises and levels drawn per encoded sample.
        clip: Largest magnitude of a predicted normalised action while sampling.
    """

    train_steps: int = 100
    steps: int = 10
    draws: int = 4
    clip: float = 4.0


class Diffusion:
    """Learns the noise in a noisy chunk."""

    ways: tuple[Chunking, ...] = ()
    max_delay = 0.0

    def __init__(self, config: DiffusionConfig) -> None:
        # Only here, since every policy's configuration names this file and diffusers takes long to import.
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

        self.config = config
        shared = {
            "num_train_timesteps": config.train_steps,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": "epsilon",
            "clip_sample": True,
            "clip_sample_range": config.clip,
        }
        self.forward_process = DDPMScheduler(**shared)
        self.backward_process = DDIMScheduler(**shared, set_alpha_to_one=True)

    def _time(self, level: Tensor) -> Tensor:
        # The expert's clock runs from noise (0) to data (1), whatever the algorithm.
        return 1.0 - (level.float() + 1) / self.config.train_steps

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Mean squared error of the noise over valid rows and draws; see ``Algorithm.loss``."""
        draws = self.config.draws
        actions = actions[:, None].expand(-1, draws, -1, -1).contiguous()
        level = torch.randint(self.config.train_steps, actions.shape[:2], device=actions.device)
        noise = torch.randn_like(actions)
        noisy = self.forward_process.add_noise(actions.flatten(0, 1), noise.flatten(0, 1), level.flatten())  # pyright: ignore[reportArgumentType]
        guess = network.velocity(context, noisy.view_as(actions), self._time(level)[..., None])
        error = (guess - noise).square().mean((1, 3))
        return (error * valid).sum() / valid.sum().clamp(min=1)

    def sample(
        self,
        network: VLA,
        context: Context,
        noise: Tensor,
        steps: int | None = None,
        overlap: Overlap | None = None,
    ) -> Tensor:
        """Deterministic DDIM from pure noise; see ``Algorithm.sample``."""
        x = noise
        scheduler = self.backward_process
        scheduler.set_timesteps(steps or self.config.steps, device=x.device)
        for level in scheduler.timesteps:
            guess = network.velocity(context, x, self._time(level).expand(len(x), 1))
            x = scheduler.step(guess, level, x, eta=0.0, return_dict=False)[0]  # pyright: ignore[reportArgumentType]
        return x
