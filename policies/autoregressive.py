"""Actions written bin by bin, as RT-2 (arXiv 2307.15818) and OpenVLA (arXiv 2406.09246) do it.

Each axis of a normalised chunk is cut into 256 equal bins between the 1st and the 99th percentile that it has
in the training set (OpenVLA's choice; here of each row too, since rows are scaled one by one). A causal
decoder is trained by cross-entropy with the true bins before it given, and writes the likeliest each time.

Going on from a chunk in hand is exact here: committed rows are what has been written already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from policies.chunking import Chunking, Overlap
from vla.models.action_tokens import ActionTokens
from vla.models.vla import VLA, Context


@dataclass(frozen=True)
class AutoregressiveConfig:
    """Settings of the writing; bins and lanes are the network's, see ``ExpertConfig``.

    Attributes:
        temperature: Of the draw of each bin; 0 takes the likeliest.
    """

    temperature: float = 0.0

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"autoregressive.temperature {self.temperature} must be >= 0")


class Autoregressive:
    """Learns how likely each bin is after those before it."""

    ways: tuple[Chunking, ...] = ("trained",)
    max_delay = math.inf

    def __init__(self, config: AutoregressiveConfig) -> None:
        self.config = config

    def loss(self, network: VLA, context: Context, actions: Tensor, valid: Tensor) -> Tensor:
        """Mean negative log-likelihood of the bins of valid rows, in nats; see ``Algorithm.loss``."""
        decoder = decoder_of(network)
        tokens = decoder.to_tokens(actions)
        logits = decoder(tokens, context.memory, context.mask)
        nats = cross_entropy(logits.flatten(0, 2), tokens.flatten(), reduction="none")
        nats = nats.view_as(tokens).mean(-1)
        return (nats * valid).sum() / valid.sum().clamp(min=1)

    def sample(
        self,
        network: VLA,
        context: Context,
        noise: Tensor,
        steps: int | None = None,
        overlap: Overlap | None = None,
    ) -> Tensor:
        """One evaluation per step, each a position only; see ``Algorithm.sample``."""
        decoder = decoder_of(network)
        known = noise if overlap is None else overlap.actions
        held = torch.zeros_like(known, dtype=torch.bool)
        if overlap is not None:
            held |= overlap.committed[..., None]
        given, kept, chance = (decoder.in_steps(x) for x in (decoder.to_tokens(known), held, noise))
        transcript = decoder.begin(context.memory, context.mask)
        # What every robot has committed goes in at once; where they differ, step by step.
        first = int(kept.all(-1).all(0).sum())
        done = [given[:, :first]]
        for i in range(first, decoder.steps):
            tokens = self._choose(decoder.write(done[-1], transcript), chance[:, i])
            done.append(torch.where(kept[:, i], given[:, i], tokens)[:, None])
        chunk = decoder.to_actions(decoder.in_rows(torch.cat(done, dim=1)))
        return torch.where(held, known, chunk)

    def _choose(self, logits: Tensor, noise: Tensor) -> Tensor:
        """Bins (B, lanes) by logits (B, lanes, bins); standard normals (B, lanes) are the chance."""
        if not self.config.temperature:
            return logits.argmax(-1)
        share = (logits / self.config.temperature).softmax(-1).cumsum(-1)
        # The inverse of the cumulative distribution at a uniform number, which a normal one gives.
        uniform = torch.special.ndtr(noise.float())[..., None] * share[..., -1:]
        return torch.searchsorted(share, uniform, right=True)[..., 0].clamp(max=logits.shape[-1] - 1)


def decoder_of(network: VLA) -> ActionTokens:
    """The network's expert, which must write tokens.

    Raises:
        TypeError: it denoises.
    """
    if not isinstance(network.expert, ActionTokens):
        raise TypeError("an autoregressive policy needs a network with expert.bins of 2 or more")
    return network.expert
