"""Attention and feed-forward parts shared by every transformer in this room."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention over ``heads`` heads.

    Args:
        query: (B, N, D).
        key: (B, K, D).
        value: (B, K, D).
        heads: Must divide D.
        mask: (B, K), or (B or 1, N, K) where queries differ; bool, True where a key may be seen; None means
            all of them.

    Returns:
        (B, N, D).
    """
    batch, rows, width = query.shape
    size = width // heads
    q, k, v = (x.reshape(batch, -1, heads, size).transpose(1, 2) for x in (query, key, value))
    seen = None if mask is None else mask[:, None, None] if mask.ndim == 2 else mask[:, None]
    if query.device.type != "cpu":
        out = scaled_dot_product_attention(q, k, v, attn_mask=seen)
    else:
        # On CPUs with bf16 matrix units two batched products are two to seven times faster than the
        # fused kernel at these sizes (28 queries, 320 keys: 20 ms against 43 ms, forward and backward).
        scores = (q * (1.0 / math.sqrt(size))) @ k.transpose(-1, -2)
        if seen is not None:
            scores = scores.masked_fill(~seen, -1e9)
        out = scores.softmax(-1) @ v
    return out.transpose(1, 2).reshape(batch, rows, width)


class SelfAttention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, D) -> (B, N, D); ``mask`` (B, N) bool is True where a token may be seen."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return self.out(attend(q, k, v, self.heads, mask))


class CrossAttention(nn.Module):
    """Multi-head attention from one sequence to another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, D) looks at ``memory`` (B, K, D) -> (B, N, D); ``mask`` (B, K) is True where it may look."""
        k, v = self.kv(memory).chunk(2, dim=-1)
        return self.out(attend(self.q(x), k, v, self.heads, mask))


class FeedForward(nn.Sequential):
    """Linear, GELU, linear; ``ratio`` is the hidden width over the width."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__(
            nn.Linear(width, ratio * width), nn.GELU(approximate="tanh"), nn.Linear(ratio * width, width)
        )


class Block(nn.Module):
    """Pre-norm self-attention block (An Image is Worth 16x16 Words, eq. 2 and 3)."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm_forward = nn.LayerNorm(width)
        self.forward_net = FeedForward(width, ratio)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, D) -> (B, N, D); ``mask`` (B, N) bool is True where a token may be seen."""
        x = x + self.attention(self.norm_attention(x), mask)
        return x + self.forward_net(self.norm_forward(x))


def mlp(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Two linear layers with a GELU between them: ``inputs`` -> ``width`` -> ``outputs``."""
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(approximate="tanh"), nn.Linear(width, outputs))


def waves(x: Tensor, longest: float, shortest: float, count: int) -> Tensor:
    """Sines and cosines of ``x`` at ``count`` wavelengths spaced geometrically.

    Args:
        x: (..., F).
        longest: Longest wavelength, in the unit of ``x``.
        shortest: Shortest wavelength.
        count: How many wavelengths.

    Returns:
        (..., F * 2 * count), float32.
    """
    lengths = torch.logspace(math.log10(longest), math.log10(shortest), count, device=x.device)
    phase = 2 * math.pi * x.float().unsqueeze(-1) / lengths
    return torch.cat([phase.sin(), phase.cos()], dim=-1).flatten(-2)
