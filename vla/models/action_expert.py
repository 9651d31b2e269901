"""The action expert: denoises a chunk of actions while looking at what the trunk understood.

Blocks follow the diffusion transformer (arXiv 2212.09748, adaLN-Zero) with one modulation network shared by
all layers and a learned table per layer (arXiv 2310.00426, adaLN-single). Time is given per action token, so
that some rows of a chunk may be clean while others are noise (arXiv 2512.05964).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from vla.models.attention import Block, CrossAttention, FeedForward, SelfAttention, mlp


@dataclass(frozen=True)
class ExpertConfig:
    """Sizes of :class:`ActionExpert`, or of :class:`vla.models.action_tokens.ActionTokens`.

    Attributes:
        action: Action scalars A.
        chunk: Rows T.
        width: Token width D.
        depth: Blocks.
        heads: Attention heads; must divide ``width``.
        ratio: Hidden width of a feed-forward over ``width``.
        bins: Bins that an action axis is cut into, for an expert that writes tokens; 0 for one that denoises.
        lanes: Axes of a row that one step writes, where there are bins; 1 is one bin after another,
            ``action`` a row at a time. Must divide ``action``.
        latent: Scalars of a style variable, for a policy that infers in training how a chunk was done among
            the ways there are (arXiv 2304.13705); 0 for none.
    """

    action: int = 4
    chunk: int = 16
    width: int = 128
    depth: int = 4
    heads: int = 4
    ratio: int = 2
    bins: int = 0
    lanes: int = 1
    latent: int = 0

    def __post_init__(self) -> None:
        if self.bins < 0 or self.bins == 1:
            raise ValueError(
                f"expert.bins {self.bins} must be 0, for an expert without tokens, or at least 2"
            )
        if self.latent < 0:
            raise ValueError(f"expert.latent {self.latent} must be 0, for none, or positive")
        if self.lanes < 1 or self.action % self.lanes:
            raise ValueError(f"expert.lanes {self.lanes} must divide expert.action, {self.action}")


def embed_time(time: Tensor, width: int) -> Tensor:
    """Sines and cosines of flow time, periods from 0.004 to 4.

    Args:
        time: (...) in 0..1.
        width: Even.

    Returns:
        (..., width), float32.
    """
    periods = torch.logspace(math.log10(4e-3), math.log10(4.0), width // 2, device=time.device)
    phase = 2 * math.pi * time.float().unsqueeze(-1) / periods
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


class ExpertBlock(nn.Module):
    """Self-attention, cross-attention to the context, feed-forward; each scaled, shifted and gated."""

    def __init__(self, config: ExpertConfig) -> None:
        super().__init__()
        width = config.width
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.self_attention = SelfAttention(width, config.heads)
        self.cross_attention = CrossAttention(width, config.heads)
        self.forward_net = FeedForward(width, config.ratio)
        # Zero gates make a new block the identity, so that training starts from a shallow network.
        self.table = nn.Parameter(torch.zeros(9, width))

    def forward(self, x: Tensor, modulation: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """One block.

        Args:
            x: (B, R, T, D), R chunks per sample.
            modulation: (B, R, T or 1, 9, D).
            memory: (B, K, D); the R chunks share its keys and values.
            mask: (B, K) bool, True where it may be seen.

        Returns:
            (B, R, T, D).
        """
        batch, draws, rows = x.shape[:3]
        scale_a, shift_a, gate_a, scale_b, shift_b, gate_b, scale_c, shift_c, gate_c = (
            modulation + self.table.to(modulation.dtype)
        ).unbind(-2)
        inner = torch.addcmul(shift_a, self.norm(x), 1 + scale_a).flatten(0, 1)
        x = torch.addcmul(x, gate_a, self.self_attention(inner).unflatten(0, (batch, draws)))
        inner = torch.addcmul(shift_b, self.norm(x), 1 + scale_b).flatten(1, 2)
        seen = self.cross_attention(inner, memory, mask).unflatten(1, (draws, rows))
        x = torch.addcmul(x, gate_b, seen)
        inner = torch.addcmul(shift_c, self.norm(x), 1 + scale_c)
        return torch.addcmul(x, gate_c, self.forward_net(inner))


class Style(nn.Module):
    """The style variable of a chunk: an encoder that is used in training only, and the way back."""

    def __init__(self, config: ExpertConfig) -> None:
        super().__init__()
        width = config.width
        self.embed = nn.Linear(config.action, width)
        self.row = nn.Parameter(torch.randn(1 + config.chunk, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, config.heads, config.ratio) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.infer = nn.Linear(width, 2 * config.latent)
        self.express = nn.Linear(config.latent, width)

    def forward(self, actions: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Chunks (B, T, A) and their real rows (B, T) -> mean and log variance (B, latent) of the style."""
        x = self.embed(actions)
        x = torch.cat([x.new_zeros(len(x), 1, x.shape[-1]), x], dim=1) + self.row.to(x.dtype)
        mask = torch.cat([valid.new_ones(len(valid), 1), valid], dim=1)
        for block in self.blocks:
            x = block(x, mask)
        mean, spread = self.infer(self.norm(x[:, 0])).float().chunk(2, dim=-1)
        return mean, spread


class ActionExpert(nn.Module):
    """From noisy actions, their times and a context to one value per action scalar (a velocity, a noise)."""

    def __init__(self, config: ExpertConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.embed = nn.Linear(config.action, width)
        self.row = nn.Parameter(torch.randn(config.chunk, width) * 0.5)
        self.time = mlp(width, width, width)
        self.modulate = nn.Linear(width, 9 * width)
        self.blocks = nn.ModuleList(ExpertBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.action)
        self.style = Style(config) if config.latent else None
        for layer in (self.modulate, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, actions: Tensor, time: Tensor, memory: Tensor, mask: Tensor, style: Tensor | None = None
    ) -> Tensor:
        """Look once at R noisy chunks per sample.

        Args:
            actions: (B, R, T, A), normalised.
            time: (B, R, T), or (B, R, 1) when all rows of a chunk share their time (cheaper).
            memory: Context (B, K, D).
            mask: (B, K) bool, True where the context is real.
            style: (B, latent) of the chunks, where the expert has such a variable; None is its mean, 0.

        Returns:
            (B, R, T, A), float32.
        """
        clock = silu(self.time(embed_time(time, self.config.width)))
        modulation = self.modulate(clock).unflatten(-1, (9, self.config.width))
        x = self.embed(actions)
        x = x + self.row.to(x.dtype)
        if self.style is not None and style is not None:
            x = x + self.style.express(style).to(x.dtype)[:, None, None]
        for block in self.blocks:
            x = block(x, modulation, memory, mask)
        return self.head(self.norm(x)).float()
