"""A vision transformer with a convolutional stem (arXiv 2010.11929, hybrid variant of section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from vla.models.attention import Block

STEMS = ("hybrid", "patch")


@dataclass(frozen=True)
class ViTConfig:
    """Sizes of :class:`ViT`.

    Attributes:
        image_size: Height and width in pixels; a multiple of 16.
        width: Token width D.
        depth: Transformer blocks.
        heads: Attention heads; must divide ``width``.
        ratio: Hidden width of a feed-forward over ``width``.
        stem: ``hybrid`` (convolutions, where data is scarce) or ``patch`` (one linear map of 8x8 patches).
        stem_width: Channels at stride 4 of the hybrid stem.
        stem_depth: Residual convolutions at stride 4 of the hybrid stem, where small things have their shape.
        cameras: How many cameras share the weights.
    """

    image_size: int = 128
    width: int = 128
    depth: int = 2
    heads: int = 4
    ratio: int = 2
    stem: str = "hybrid"
    stem_width: int = 64
    stem_depth: int = 1
    cameras: int = 2

    def __post_init__(self) -> None:
        if self.stem not in STEMS:
            raise ValueError(f"stem {self.stem!r} is not one of {', '.join(STEMS)}")
        if self.image_size % 16 or self.width % self.heads:
            raise ValueError(
                f"image_size {self.image_size} must be a multiple of 16, and heads {self.heads} "
                f"must divide width {self.width}"
            )

    @property
    def grid(self) -> int:
        """Cells along one side of the stride-8 feature map."""
        return self.image_size // 8


def fold(images: Tensor, block: int) -> Tensor:
    """Move each ``block`` x ``block`` patch of pixels into the channels.

    Args:
        images: (N, H, W, C) with H and W multiples of ``block``.
        block: Side of a patch.

    Returns:
        (N, H/block, W/block, block*block*C), same dtype.
    """
    n, height, width, channels = images.shape
    x = images.reshape(n, height // block, block, width // block, block, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(n, height // block, width // block, -1)


class HybridStem(nn.Module):
    """Convolutions from pixels to stride 8: 4x4 pixels fold into channels, then 3x3 convolutions.

    Folding replaces the two costliest convolutions of a usual stem: they run at full resolution on three
    channels, which no matrix unit likes (2100 images/s against 900 on two cores).
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.first = nn.Conv2d(48, config.stem_width, 3, padding=1)
        self.shapes = nn.ModuleList(
            nn.Conv2d(config.stem_width, config.stem_width, 3, padding=1) for _ in range(config.stem_depth)
        )
        self.second = nn.Conv2d(config.stem_width, config.width, 3, stride=2, padding=1)
        self.third = nn.Conv2d(config.width, config.width, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(N, H, W, 3) floats around 0 -> (N, D, H/8, W/8)."""
        x = fold(images, 4).permute(0, 3, 1, 2)
        x = relu(self.first(x))
        for layer in self.shapes:
            x = x + relu(layer(x))
        x = relu(self.second(x))
        return x + relu(self.third(x))


class PatchStem(nn.Module):
    """The plain embedding: one linear map of each 8x8 patch."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(192, config.width)

    def forward(self, images: Tensor) -> Tensor:
        """(N, H, W, 3) floats around 0 -> (N, D, H/8, W/8)."""
        return self.embed(fold(images, 8)).permute(0, 3, 1, 2)


class ViT(nn.Module):
    """Turns pictures into tokens; it never sees the text, so one picture serves many instructions."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        width, coarse = config.width, (config.grid // 2) ** 2
        self.stem = HybridStem(config) if config.stem == "hybrid" else PatchStem(config)
        self.patch = nn.Conv2d(width, width, 2, stride=2)
        self.camera = nn.Parameter(torch.randn(config.cameras, width) * 0.02)
        self.class_token = nn.Parameter(torch.randn(width) * 0.02)
        self.position = nn.Parameter(torch.randn(1 + coarse, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, config.heads, config.ratio) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.lift = nn.Linear(width, width)
        self.norm_map = nn.LayerNorm(width)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See every camera's picture.

        Args:
            images: (B, C, H, W, 3), uint8 in 0..255 or floating point in 0..1.

        Returns:
            Tokens (B, C, 1 + (G/2)^2, D), the class token first, and the stride-8 feature map
            (B, C, G, G, D), which holds the tokens' wide view on top of the stem's fine one.

        Raises:
            ValueError: the pictures do not fit the configuration.
        """
        config = self.config
        expected = (config.cameras, config.image_size, config.image_size, 3)
        if images.ndim != 5 or images.shape[1:] != expected:
            raise ValueError(f"images have shape {tuple(images.shape)}, expected (B, {expected})")
        batch, cameras = images.shape[:2]
        if images.dtype == torch.uint8:
            images = images.to(self.class_token.dtype) / 255
        fine = self.stem((images * 4 - 2).flatten(0, 1))
        coarse = self.patch(fine).flatten(2).transpose(1, 2)
        first = self.class_token.to(coarse.dtype).expand(len(coarse), 1, -1)
        place = self.position + self.camera[:, None]
        tokens = torch.cat([first, coarse], dim=1).unflatten(0, (batch, cameras)) + place.to(coarse.dtype)
        tokens = tokens.flatten(0, 1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        half = config.grid // 2
        wide = self.lift(tokens[:, 1:]).transpose(1, 2).unflatten(-1, (half, half))
        wide = interpolate(wide.contiguous(memory_format=torch.channels_last), scale_factor=2.0)
        fused = self.norm_map((fine + wide).permute(0, 2, 3, 1))
        return tokens.unflatten(0, (batch, cameras)), fused.unflatten(0, (batch, cameras))
