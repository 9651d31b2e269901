"""The trunk: a few queries read the instruction, look at the pictures, and say what is meant and where."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from vla.models.attention import CrossAttention, FeedForward, SelfAttention, mlp, waves

TARGET, DESTINATION, FAMILY, DONE = range(4)
PLACES = 2


@dataclass(frozen=True)
class GroundingConfig:
    """Sizes of :class:`Grounding`.

    Attributes:
        width: Token width D.
        depth: Decoder layers.
        heads: Attention heads; must divide ``width``.
        ratio: Hidden width of a feed-forward over ``width``.
        queries: Learned queries: target, destination, family, done, and free ones for control; at least 5.
        text_looks: Whether the instruction's tokens look at the pictures too, or the queries alone.
        fine_cameras: How many cameras, the first ones, are looked at through their stride-8 map; the
            others through their tokens.
        families: How many task families there are; one more class stands for "none of them".
    """

    width: int = 128
    depth: int = 4
    heads: int = 4
    ratio: int = 2
    queries: int = 8
    text_looks: bool = False
    fine_cameras: int = 1
    families: int = 11


@dataclass(frozen=True)
class Grounded:
    """What the trunk believes about each of M instructions; the place axis is (target, destination).

    Attributes:
        heat: Heatmap logits (B, M, 2, C, G, G), rows first.
        uv: Soft-argmax of the heatmaps (B, M, 2, C, 2), u to the right and v down, in 0..1 of the picture.
        position: (B, M, 2, 3) in m, robot base frame.
        family: Logits (B, M, families + 1).
        done: Logit (B, M) that the instruction is fulfilled in what is seen.
    """

    heat: Tensor
    uv: Tensor
    position: Tensor
    family: Tensor
    done: Tensor


class DecoderLayer(nn.Module):
    """Self-attention over queries and words, cross-attention to the pictures, feed-forward; all pre-norm."""

    def __init__(self, config: GroundingConfig) -> None:
        super().__init__()
        width = config.width
        self.norm_self = nn.LayerNorm(width)
        self.self_attention = SelfAttention(width, config.heads)
        self.norm_cross = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, config.heads)
        self.norm_forward = nn.LayerNorm(width)
        self.forward_net = FeedForward(width, config.ratio)

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor, looking: int) -> Tensor:
        """One layer.

        Args:
            x: (B, M, N, D), queries first, then words.
            mask: (B, M, N) bool, True on queries and real words.
            memory: (B, K, D) picture tokens; the M instructions share their keys and values.
            looking: How many of the N tokens look at the pictures.

        Returns:
            (B, M, N, D).
        """
        batch, asked = x.shape[:2]
        flat = x.flatten(0, 1)
        flat = flat + self.self_attention(self.norm_self(flat), mask.flatten(0, 1))
        x = flat.unflatten(0, (batch, asked))
        eyes = self.norm_cross(x[:, :, :looking]).flatten(1, 2)
        seen = self.cross_attention(eyes, memory).unflatten(1, (asked, looking))
        x = x + pad(seen, (0, 0, 0, x.shape[2] - looking))
        return x + self.forward_net(self.norm_forward(x))


class Grounding(nn.Module):
    """Relates an instruction to what is seen, with heads that can be supervised without any action."""

    def __init__(self, config: GroundingConfig, cameras: int, grid: int) -> None:
        super().__init__()
        self.config, self.cameras, self.grid = config, cameras, grid
        width = config.width
        self.query = nn.Parameter(torch.randn(config.queries, width) * 0.5)
        self.cell = nn.Parameter(torch.randn(cameras, grid * grid, width) * 0.1)
        self.camera = nn.Parameter(torch.randn(cameras, width) * 0.1)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.pointer = nn.Linear(width, PLACES * cameras * width)
        wave_count = 2 * 5 * cameras * 2
        self.locate = mlp(width + cameras * (width + 3) + wave_count + width, width, 3)
        self.proprioception = nn.Linear(width, width)
        self.family = nn.Linear(width, config.families + 1)
        self.done = mlp(width, width, 1)
        # Where places lie in the robot's base frame, in m; measured on the demonstrations before training.
        self.place_mean: Tensor
        self.place_std: Tensor
        self.register_buffer("place_mean", torch.zeros(3))
        self.register_buffer("place_std", torch.ones(3))
        steps = (torch.arange(grid) + 0.5) / grid
        v, u = torch.meshgrid(steps, steps, indexing="ij")
        self.register_buffer("cell_uv", torch.stack([u, v], -1).reshape(-1, 2), persistent=False)

    def forward(
        self, tokens: Tensor, maps: Tensor, text: Tensor, text_mask: Tensor, body: Tensor
    ) -> tuple[Tensor, Grounded]:
        """Read M instructions against one set of pictures each.

        Args:
            tokens: Picture tokens (B, C, N, D), class token first.
            maps: Stride-8 feature maps (B, C, G, G, D).
            text: (B, M, L, D).
            text_mask: (B, M, L) bool, True on words.
            body: Proprioception embedding (B, D).

        Returns:
            Query and word outputs (B, M, K + L, D), and the beliefs.
        """
        config = self.config
        asked = text.shape[1]
        cells = maps.flatten(2, 3) + (self.cell + self.camera[:, None]).to(maps.dtype)
        fine = config.fine_cameras
        coarse = tokens[:, fine:] + self.camera[fine:, None].to(tokens.dtype)
        memory = torch.cat([cells[:, :fine].flatten(1, 2), tokens[:, :fine, 0], coarse.flatten(1, 2)], dim=1)
        queries = (self.query + self.proprioception(body)[:, None]).to(text.dtype)
        x = torch.cat([queries[:, None].expand(-1, asked, -1, -1), text], dim=2)
        mask = pad(text_mask, (config.queries, 0), value=True)
        looking = x.shape[2] if config.text_looks else config.queries
        for layer in self.layers:
            x = layer(x, mask, memory, looking)
        x = self.norm(x)
        return x, self._believe(x, cells, body)

    def _believe(self, x: Tensor, cells: Tensor, body: Tensor) -> Grounded:
        batch, asked, width = x.shape[0], x.shape[1], x.shape[-1]
        cameras, grid = self.cameras, self.grid
        places = x[:, :, :PLACES]
        weight = self.pointer.weight.view(PLACES, cameras * width, width)
        bias = self.pointer.bias.view(PLACES, cameras * width)
        pointers = torch.stack([linear(places[:, :, i], weight[i], bias[i]) for i in range(PLACES)], dim=2)
        # (B, C, M*2, D) against (B, C, G*G, D): each camera has its own pointer into its own map.
        pointers = pointers.reshape(batch, asked * PLACES, cameras, width).transpose(1, 2)
        heat = (pointers * width**-0.5) @ cells.transpose(-1, -2)
        share = heat.float().softmax(-1)
        pooled = share.to(cells.dtype) @ cells
        uv = share @ self.cell_uv
        peak = share.amax(-1, keepdim=True)

        def per_place(value: Tensor) -> Tensor:
            return value.unflatten(2, (asked, PLACES)).permute(0, 2, 3, 1, 4)

        uv, peak, pooled = per_place(uv), per_place(peak), per_place(pooled)
        clues = torch.cat(
            [
                places,
                pooled.flatten(-2),
                torch.cat([uv * 2 - 1, peak], -1).flatten(-2),
                waves(uv.flatten(-2), 2.0, 0.125, 5),
                body[:, None, None].expand(-1, asked, PLACES, -1),
            ],
            dim=-1,
        )
        position = self.place_mean + self.place_std * self.locate(clues).float()
        heat = per_place(heat).unflatten(-1, (grid, grid))
        return Grounded(
            heat=heat,
            uv=uv,
            position=position,
            family=self.family(x[:, :, FAMILY]).float(),
            done=self.done(x[:, :, DONE]).float().squeeze(-1),
        )
