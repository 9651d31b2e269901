"""Actions as words: a causal decoder writes a chunk bin by bin while looking at what the trunk understood.

RT-2 (arXiv 2307.15818) and OpenVLA (arXiv 2406.09246) cut every action axis into 256 equal bins and let a
language model write one bin after another; OpenVLA's bins lie between the 1st and the 99th percentile of the
training actions, so that a few wild ones do not make all bins coarse. Here a small decoder does it over the
same context as the flow expert, row by row and within a row axis by axis. With ``lanes`` a step writes
several axes at once, none of them knowing of the others in its step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vla.models.action_expert import ExpertConfig
from vla.models.attention import CrossAttention, FeedForward, SelfAttention, attend, waves

KeysValues = tuple[Tensor, Tensor]


@dataclass
class Transcript:
    """What a decoder keeps from step to step, so that each costs one position only; it grows as one writes.

    Attributes:
        mask: (B, K) bool, True where the context is real.
        memory: Keys and values (B, K, D) of the context, per block.
        written: Keys and values (B, n, D) of the n positions looked at so far, per block.
    """

    mask: Tensor
    memory: list[KeysValues]
    written: list[KeysValues] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Positions looked at so far."""
        return self.written[0][0].shape[1] if self.written else 0


class TokenBlock(nn.Module):
    """Pre-norm causal self-attention, cross-attention to the context, feed-forward."""

    def __init__(self, config: ExpertConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm_self = nn.LayerNorm(width)
        self.self_attention = SelfAttention(width, config.heads)
        self.norm_cross = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, config.heads)
        self.norm_forward = nn.LayerNorm(width)
        self.forward_net = FeedForward(width, config.ratio)

    def remember(self, memory: Tensor) -> KeysValues:
        """Keys and values of a context (B, K, D), the same at every step."""
        k, v = self.cross_attention.kv(memory).chunk(2, dim=-1)
        return k, v

    def forward(
        self, x: Tensor, memory: KeysValues, mask: Tensor, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """One block over m new positions.

        Args:
            x: (B, m, D).
            memory: Of :meth:`remember`.
            mask: (B, K) bool, True where the context may be seen.
            past: Keys and values (B, n, D) of the positions before, or None.

        Returns:
            (B, m, D), and the keys and values (B, n + m, D) of all positions.
        """
        q, k, v = self.self_attention.qkv(self.norm_self(x)).chunk(3, dim=-1)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=1), torch.cat([past[1], v], dim=1)
        new, known = q.shape[1], k.shape[1]
        causal = None
        if new > 1:
            causal = torch.ones(1, new, known, dtype=torch.bool, device=x.device).tril(known - new)
        x = x + self.self_attention.out(attend(q, k, v, self.heads, causal))
        query = self.cross_attention.q(self.norm_cross(x))
        x = x + self.cross_attention.out(attend(query, *memory, self.heads, mask))
        return x + self.forward_net(self.norm_forward(x)), (k, v)


class ActionTokens(nn.Module):
    """Writes chunks of T x A bins, ``lanes`` of them per step."""

    def __init__(self, config: ExpertConfig) -> None:
        """Build with fresh weights; bins span -3 to 3 until :meth:`set_range`.

        Raises:
            ValueError: the configuration has no bins.
        """
        super().__init__()
        if not config.bins:
            raise ValueError("expert.bins 0 is an expert without tokens; give it 2 or more")
        self.config = config
        width, bins, lanes = config.width, config.bins, config.lanes
        self.steps = config.chunk * config.action // lanes
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.full((config.chunk, config.action), -3.0))
        self.register_buffer("high", torch.full((config.chunk, config.action), 3.0))
        self.embedding = nn.Embedding(lanes * bins, width)
        self.start = nn.Parameter(torch.randn(width) * 0.5)
        self.place = nn.Parameter(torch.randn(self.steps, width) * 0.5)
        self.blocks = nn.ModuleList(TokenBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, lanes * bins)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self._order_bins()

    @torch.no_grad()
    def _order_bins(self) -> None:
        # Words have no order but bins do: neighbours begin alike, each lane in a space of its own.
        config = self.config
        place = (torch.arange(config.bins) + 0.5) / config.bins
        curves = waves(place[:, None], 2.0, 2.0 / config.bins, 16)
        for lane in range(config.lanes):
            rows = slice(lane * config.bins, (lane + 1) * config.bins)
            self.embedding.weight[rows] = curves @ torch.randn(curves.shape[1], config.width) * 0.2

    @torch.no_grad()
    def set_range(self, low: Tensor, high: Tensor) -> None:
        """Let the bins of each row and axis span ``low`` to ``high``, (T, A), normalised; the widths are > 0.

        Raises:
            ValueError: a range is empty.
        """
        if not bool((high > low).all()):
            raise ValueError("the bins of an axis would span nothing: every high must be above its low")
        self.low.copy_(low)
        self.high.copy_(high)

    def to_tokens(self, actions: Tensor) -> Tensor:
        """Normalised chunks (B, T, A) -> bins (B, T, A), int64; what is outside goes to the ends."""
        share = (actions.float() - self.low) / (self.high - self.low)
        return (share * self.config.bins).floor().clamp(0, self.config.bins - 1).long()

    def to_actions(self, tokens: Tensor) -> Tensor:
        """Bins (B, T, A) -> the middles of the bins, float32: half a bin off at most."""
        return self.low + (tokens + 0.5) / self.config.bins * (self.high - self.low)

    def in_steps(self, tokens: Tensor) -> Tensor:
        """Chunks (B, T, A) -> what each step writes, (B, N, lanes)."""
        return tokens.flatten(1).unflatten(1, (self.steps, self.config.lanes))

    def in_rows(self, steps: Tensor) -> Tensor:
        """The inverse of :meth:`in_steps`: (B, N, lanes) -> (B, T, A)."""
        return steps.flatten(1).unflatten(1, (self.config.chunk, self.config.action))

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Every bin's chances given those before it: teacher forcing, all positions at once.

        Args:
            tokens: Bins (B, T, A).
            memory: Context (B, K, D).
            mask: (B, K) bool, True where the context is real.

        Returns:
            Logits (B, T, A, bins), float32.
        """
        given = self.in_steps(tokens)[:, :-1]
        logits = self._logits(self._look(given, self.begin(memory, mask)))
        return logits.flatten(1, 2).unflatten(1, (self.config.chunk, self.config.action))

    def begin(self, memory: Tensor, mask: Tensor) -> Transcript:
        """An empty transcript about a context (B, K, D) with its mask (B, K)."""
        return Transcript(mask, [block.remember(memory) for block in self.blocks])  # pyright: ignore[reportCallIssue]

    def write(self, given: Tensor, transcript: Transcript) -> Tensor:
        """Put down what has been decided, and say what may come next.

        Args:
            given: Bins (B, m, lanes) of the m steps since the last call; m may be 0 at the first call only.
            transcript: Grows by this.

        Returns:
            Logits (B, lanes, bins) of the next step, float32.
        """
        return self._logits(self._look(given, transcript)[:, -1:])[:, 0]

    def _look(self, given: Tensor, transcript: Transcript) -> Tensor:
        """Features (B, m, D) of the steps that follow each one given; the first call adds the very first."""
        lanes, bins = self.config.lanes, self.config.bins
        offset = torch.arange(lanes, device=given.device) * bins
        x = self.embedding(given + offset).sum(2)
        if not transcript.length:
            x = torch.cat([self.start.expand(len(x), 1, -1), x], dim=1)
        x = x + self.place[transcript.length : transcript.length + x.shape[1]]
        past = transcript.written or [None] * len(self.blocks)
        written: list[KeysValues] = []
        for block, memory, before in zip(self.blocks, transcript.memory, past, strict=True):
            x, kept = block(x, memory, transcript.mask, before)
            written.append(kept)
        transcript.written = written
        return x

    def _logits(self, x: Tensor) -> Tensor:
        """(B, m, D) -> (B, m, lanes, bins), float32."""
        return self.head(self.norm(x)).float().unflatten(-1, (self.config.lanes, self.config.bins))
