"""Eyes for a table: a vision transformer whose object queries each look for one thing or fixture.

A query knows what it looks for (a colour and a shape, or a fixture) and reads the pictures of both cameras.
Labels from the simulator teach it whether that is there, where, in what and on what; what it then knows is
one token, which says more to a language model than a patch does. Queries are built from a colour's and a
shape's embedding, so that a pair that no training picture shows has a query as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from vla.models.attention import CrossAttention, FeedForward, SelfAttention, mlp, waves
from vla.models.vit import ViT, ViTConfig


@dataclass(frozen=True)
class SceneEyesConfig:
    """Sizes of :class:`SceneEyes`.

    Attributes:
        vision: The vision transformer; two cameras, the one that sees the table first.
        colours: How many colours have a name.
        shapes: How many shapes have a name.
        fixtures: How many fixtures have a name.
        places: Classes of where a thing is: on the table, in each container, on another thing.
        states: Classes of the state of a fixture: absent, and what it may be.
        columns: Cells of the table across.
        rows: Cells of the table along.
        depth: Decoder layers.
        heads: Attention heads; must divide the width.
        ratio: Hidden width of a feed-forward over the width.
        patches: Side of the grid of patch tokens that go along with the queries' tokens.
    """

    vision: ViTConfig = field(default_factory=ViTConfig)
    colours: int = 8
    shapes: int = 4
    fixtures: int = 5
    places: int = 11
    states: int = 5
    columns: int = 24
    rows: int = 14
    depth: int = 3
    heads: int = 4
    ratio: int = 2
    patches: int = 4

    @property
    def names(self) -> int:
        """Things that have a name of their own: a colour and a shape."""
        return self.colours * self.shapes

    @property
    def queries(self) -> int:
        """Queries: one per name, then one per fixture."""
        return self.names + self.fixtures

    @property
    def tokens(self) -> int:
        """Tokens that :class:`SceneEyes` makes of the pictures."""
        return self.queries + self.patches**2


GLANCE_PX: Final = 2
"""Pixels between one glance and the next."""


@dataclass(frozen=True)
class Sighting:
    """What the queries believe, as logits; Q queries, the names first.

    Attributes:
        count: (B, names, 3): none, one, several.
        place: (B, names, places).
        base: (B, names, colours): colour of the block it stands on, if it does.
        over: (B, names): the hand points at it.
        state: (B, fixtures, states).
        heat: (B, Q, G*G): where in the first camera's picture, rows first.
        column: (B, Q, columns).
        row: (B, Q, rows).
    """

    count: Tensor
    place: Tensor
    base: Tensor
    over: Tensor
    state: Tensor
    heat: Tensor
    column: Tensor
    row: Tensor


class _Layer(nn.Module):
    """Queries look at each other, then at the pictures; pre-norm."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.norm_self, self.norm_cross, self.norm_forward = (nn.LayerNorm(width) for _ in range(3))
        self.self_attention = SelfAttention(width, heads)
        self.cross_attention = CrossAttention(width, heads)
        self.forward_net = FeedForward(width, ratio)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """(B, Q, D) with picture tokens (B, K, D) -> (B, Q, D)."""
        x = x + self.self_attention(self.norm_self(x))
        x = x + self.cross_attention(self.norm_cross(x), memory)
        return x + self.forward_net(self.norm_forward(x))


class SceneEyes(nn.Module):
    """Pictures -> tokens that say what is where."""

    def __init__(self, config: SceneEyesConfig) -> None:
        super().__init__()
        self.config = config
        width, grid = config.vision.width, config.vision.grid
        self.vision = ViT(config.vision)
        self.colour = nn.Parameter(torch.randn(config.colours, 1, width) * 0.5)
        self.shape = nn.Parameter(torch.randn(config.shapes, width) * 0.5)
        self.fixture = nn.Parameter(torch.randn(config.fixtures, width) * 0.5)
        self.cell = nn.Parameter(torch.randn(grid * grid, width) * 0.1)
        self.spot = nn.Parameter(torch.randn(config.vision.cameras - 1, (grid // 2) ** 2, width) * 0.1)
        self.layers = nn.ModuleList(_Layer(width, config.heads, config.ratio) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.pointer = nn.Linear(width, width)
        self.merge = mlp(2 * width + 3 + 2 * 2 * 5, 2 * width, width)
        self.norm_token = nn.LayerNorm(width)
        self.norm_patch = nn.LayerNorm(width)
        self.count = nn.Linear(width, 3)
        self.place = nn.Linear(width, config.places)
        self.base = nn.Linear(width, config.colours)
        self.over = nn.Linear(width, 1)
        self.state = nn.Linear(width, config.states)
        self.column = nn.Linear(width, config.columns)
        self.row = nn.Linear(width, config.rows)
        steps = (torch.arange(grid) + 0.5) / grid
        v, u = torch.meshgrid(steps, steps, indexing="ij")
        self.cell_uv: Tensor
        self.register_buffer("cell_uv", torch.stack([u, v], -1).reshape(-1, 2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Look.

        Args:
            images: (B, cameras, H, W, 3), uint8 in 0..255 or floating point in 0..1.

        Returns:
            Tokens (B, config.tokens, D), the queries' first, and the heatmaps (B, Q, G*G).
        """
        tokens, maps = self.vision(images)
        return self.read(tokens, maps[:, 0])

    def read(self, tokens: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`forward` does with what the vision transformer has seen.

        Args:
            tokens: (B, cameras, N, D), the class token first.
            fine: The first camera's feature map, (B, G, G, D).
        """
        config = self.config
        cells = fine.flatten(1, 2) + self.cell.to(fine.dtype)
        others = tokens[:, 1:, 1:] + self.spot.to(tokens.dtype)
        memory = torch.cat([cells, tokens[:, :, 0], others.flatten(1, 2)], dim=1)
        queries = torch.cat([(self.colour + self.shape).flatten(0, 1), self.fixture])
        x = queries.to(memory.dtype).expand(len(memory), -1, -1)
        for layer in self.layers:
            x = layer(x, memory)
        x = self.norm(x)
        heat = (self.pointer(x) * x.shape[-1] ** -0.5) @ cells.transpose(-1, -2)
        share = heat.float().softmax(-1)
        uv = share @ self.cell_uv
        clues = torch.cat([uv * 2 - 1, share.amax(-1, keepdim=True), waves(uv, 2.0, 0.125, 5)], dim=-1)
        seen = torch.cat([x, share.to(cells.dtype) @ cells, clues.to(x.dtype)], dim=-1)
        found = self.norm_token(x + self.merge(seen))
        half = config.vision.grid // 2
        patches = tokens[:, 0, 1:].transpose(1, 2).unflatten(-1, (half, half))
        patches = nn.functional.adaptive_avg_pool2d(patches, config.patches).flatten(2).transpose(1, 2)
        return torch.cat([found, self.norm_patch(patches)], dim=1), heat

    def believe(self, tokens: Tensor, heat: Tensor) -> Sighting:
        """Read the queries' tokens, as :meth:`forward` returns them, with the heads that labels teach."""
        names = tokens[:, : self.config.names]
        queries = tokens[:, : self.config.queries]
        return Sighting(
            self.count(names).float(),
            self.place(names).float(),
            self.base(names).float(),
            self.over(names)[..., 0].float(),
            self.state(queries[:, self.config.names :]).float(),
            heat.float(),
            self.column(queries).float(),
            self.row(queries).float(),
        )


def glances(images: Tensor) -> Tensor:
    """The same pictures as they are and moved by :data:`GLANCE_PX` up, down, left and right.

    Args:
        images: uint8 (cameras, H, W, 3).

    Returns:
        uint8 (5, cameras, H, W, 3); what moves in from outside repeats the edge.
    """
    around, size = GLANCE_PX, images.shape[1:3]
    wide = nn.functional.pad(images.permute(0, 3, 1, 2).float(), (around,) * 4, mode="replicate")
    corners = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    cut = [
        wide[..., y * around : y * around + size[0], x * around : x * around + size[1]] for y, x in corners
    ]
    return torch.stack(cut).permute(0, 1, 3, 4, 2).to(images.dtype)


def agreed(sighting: Sighting) -> Sighting:
    """What several glances at one table come to, as a batch of one: the mean of their log-probabilities.

    The heatmap is that of the first.
    """
    means = {
        name: getattr(sighting, name).log_softmax(-1).mean(0, keepdim=True)
        for name in ("count", "place", "base", "state", "column", "row")
    }
    return Sighting(**means, over=sighting.over.mean(0, keepdim=True), heat=sighting.heat[:1])
