"""Masked autoencoder (arXiv 2111.06377): learn to see from pictures that nobody has labelled.

Three patches of four are hidden. The encoder sees the rest only; a light decoder gets its tokens, a mask
token in place of every hidden patch, and all positions, and paints the hidden patches. Targets are each
patch's own pixels, normalised by its mean and deviation; visible patches do not count.

The plain stem alone can be pre-trained so: the convolutions of the hybrid stem reach across the borders of
patches, and would show the encoder the rims of what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vla.models.attention import Block
from vla.models.classifier import ClassifierConfig, ViTEncoder, centred
from vla.models.vit import fold


@dataclass(frozen=True)
class MAEConfig:
    """Sizes of a :class:`MAE`.

    Attributes:
        encoder: What is pre-trained; with the plain stem and without a distillation token.
        masked: Share of the patches that are hidden, above 0 and below 1.
        width: Token width of the decoder.
        depth: Blocks of the decoder.
        heads: Attention heads of the decoder; must divide ``width``.
    """

    encoder: ClassifierConfig = field(default_factory=ClassifierConfig)
    masked: float = 0.75
    width: int = 64
    depth: int = 1
    heads: int = 4

    def __post_init__(self) -> None:
        if self.encoder.stem != "patch":
            raise ValueError(
                f"stem {self.encoder.stem!r} cannot be pre-trained by masking: its convolutions see across "
                "patches; valid: patch"
            )
        if self.encoder.distilled:
            raise ValueError("a distillation token has nothing to learn from pixels; give an encoder without")
        if not 1 <= self.visible < self.encoder.patches:
            raise ValueError(
                f"masked {self.masked} leaves {self.visible} of {self.encoder.patches} patches visible; "
                "at least one must be visible and one hidden"
            )

    @property
    def visible(self) -> int:
        """Patches that the encoder sees, V."""
        return round((1 - self.masked) * self.encoder.patches)


def split_patches(noise: Tensor, visible: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw which patches are seen: those with the least noise.

    Args:
        noise: (B, N), one random number per patch.
        visible: V, how many are seen.

    Returns:
        Numbers of the visible patches (B, V) and of the hidden ones (B, N - V), and the order (B, N) that
        puts visible patches followed by hidden ones back where they belong.
    """
    order = noise.argsort(dim=1)
    return order[:, :visible], order[:, visible:], order.argsort(dim=1)


def patch_targets(images: Tensor, patch: int) -> Tensor:
    """Each patch's pixels less their mean, over their deviation: (B, H, W, 3) -> (B, N, 3 P^2)."""
    pixels = fold(images, patch).flatten(1, 2)
    mean, variance = pixels.mean(-1, keepdim=True), pixels.var(-1, keepdim=True)
    return (pixels - mean) / (variance + 1e-6).sqrt()


class MAE(nn.Module):
    """The encoder to keep, and the decoder to throw away."""

    def __init__(self, config: MAEConfig) -> None:
        super().__init__()
        self.config = config
        patches, width = config.encoder.patches, config.width
        self.encoder = ViTEncoder(config.encoder)
        self.narrow = nn.Linear(config.encoder.width, width)
        self.mask_token = nn.Parameter(torch.randn(width) * 0.02)
        self.position = nn.Parameter(torch.randn(1 + patches, width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.encoder.ratio) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.pixels = nn.Linear(width, 3 * config.encoder.patch**2)

    def paint(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Hide patches and paint them from the others.

        Args:
            images: (B, H, W, 3), uint8 in 0..255 or floating point in 0..1.
            noise: (B, N); the V patches with the least of it stay visible.

        Returns:
            Normalised pixels of every patch (B, N, 3 P^2), and the numbers of the hidden ones (B, N - V).
        """
        visible, hidden, back = split_patches(noise, self.config.visible)
        seen = self.narrow(self.encoder(images, visible))
        masks = self.mask_token.to(seen.dtype).expand(*hidden.shape, -1)
        shuffled = torch.cat([seen[:, 1:], masks], dim=1)
        patches = shuffled.gather(1, back[..., None].expand_as(shuffled))
        tokens = torch.cat([seen[:, :1], patches], dim=1) + self.position.to(seen.dtype)
        for block in self.blocks:
            tokens = block(tokens)
        return self.pixels(self.norm(tokens[:, 1:])), hidden

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        """Mean squared error over the hidden patches, in squared deviations of a patch; see :meth:`paint`."""
        painted, hidden = self.paint(images, noise)
        targets = patch_targets(centred(images, torch.float32), self.config.encoder.patch)
        index = hidden[..., None].expand(-1, -1, targets.shape[-1])
        return (painted.gather(1, index).float() - targets.gather(1, index).float()).square().mean()
