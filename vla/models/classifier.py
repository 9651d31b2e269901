"""Networks that say what one picture shows: the plain vision transformer, its hybrid, a small ConvNet.

The transformer is that of "An Image is Worth 16x16 Words" (arXiv 2010.11929): patches, class token, learned
1-D positional encoding, pre-norm blocks; with DeiT's distillation token (arXiv 2012.12877) where wanted. The
eyes of the policy are :class:`vla.models.vit.ViT`, which shares its blocks and its hybrid stem.

Every network here maps pictures (B, H, W, 3), uint8 in 0..255 or floating point in 0..1, to logits
(heads, B, K) of K classes. There is one head, or two with a distillation token, whose answers are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from vla.models.attention import Block
from vla.models.vit import STEMS, HybridStem, ViTConfig, fold

_STEM_STRIDE = 8


@dataclass(frozen=True)
class ClassifierConfig:
    """Sizes of a :class:`ViTClassifier`.

    Attributes:
        image_size: Height and width in pixels; a multiple of ``patch``.
        patch: Side of a patch in pixels; a multiple of 8 for the hybrid stem.
        width: Token width D.
        depth: Transformer blocks.
        heads: Attention heads; must divide ``width``.
        ratio: Hidden width of a feed-forward over ``width``.
        stem: ``patch`` (one linear map of each patch) or ``hybrid`` (convolutions).
        stem_width: Channels at stride 4 of the hybrid stem.
        distilled: Whether there is a distillation token, and with it a second head.
        outputs: Classes K.
    """

    image_size: int = 48
    patch: int = 8
    width: int = 96
    depth: int = 4
    heads: int = 4
    ratio: int = 2
    stem: str = "patch"
    stem_width: int = 32
    distilled: bool = False
    outputs: int = 31

    def __post_init__(self) -> None:
        if self.stem not in STEMS:
            raise ValueError(f"stem {self.stem!r} is not one of {', '.join(STEMS)}")
        if self.image_size % self.patch or self.width % self.heads:
            raise ValueError(
                f"image_size {self.image_size} must be a multiple of patch {self.patch}, and heads "
                f"{self.heads} must divide width {self.width}"
            )
        if self.stem == "hybrid" and (self.patch % _STEM_STRIDE or self.image_size % 16):
            raise ValueError(f"patch {self.patch} of a hybrid stem must be a multiple of {_STEM_STRIDE}")

    @property
    def patches(self) -> int:
        """Patches of one picture, N = (H / P)^2."""
        return (self.image_size // self.patch) ** 2

    @property
    def prefix(self) -> int:
        """Tokens before the patches: the class token, and the distillation token where there is one."""
        return 2 if self.distilled else 1


def centred(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Pictures around 0: bytes 0..255 or fractions 0..1 become -2..2, same shape.

    The dtype is ``dtype`` for bytes, and their own for floating point.
    """
    if images.dtype == torch.uint8:
        images = images.to(dtype) / 255
    return images * 4 - 2


class PatchEmbedding(nn.Module):
    """Pixels to one token per patch, row by row from the top left, without positions."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self._patch = config.patch
        if config.stem == "hybrid":
            sizes = ViTConfig(image_size=config.image_size, width=config.width, stem_width=config.stem_width)
            side = config.patch // _STEM_STRIDE
            self.stem = HybridStem(sizes)
            self.project = nn.Conv2d(config.width, config.width, side, stride=side)
        else:
            self.stem = None
            self.project = nn.Linear(3 * config.patch**2, config.width)

    def forward(self, images: Tensor) -> Tensor:
        """(B, H, W, 3) floats around 0 -> (B, N, D)."""
        if self.stem is None:
            return self.project(fold(images, self._patch)).flatten(1, 2)
        return self.project(self.stem(images)).flatten(2).transpose(1, 2)


class ViTEncoder(nn.Module):
    """Patches, learned tokens and positions, pre-norm blocks, one last norm."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.patches = PatchEmbedding(config)
        self.class_token = nn.Parameter(torch.randn(config.width) * 0.02)
        self.distillation_token = nn.Parameter(torch.randn(config.width) * 0.02) if config.distilled else None
        self.position = nn.Parameter(torch.randn(config.prefix + config.patches, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.ratio) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor, visible: Tensor | None = None) -> Tensor:
        """See pictures, whole or in part.

        Args:
            images: (B, H, W, 3), uint8 in 0..255 or floating point in 0..1.
            visible: (B, V) int64, numbers of the patches to see, in any order; None means all N.

        Returns:
            (B, prefix + V, D): class token, distillation token where there is one, then the patches in the
            order of ``visible``.

        Raises:
            ValueError: the pictures do not fit the configuration.
        """
        config = self.config
        expected = (config.image_size, config.image_size, 3)
        if images.ndim != 4 or images.shape[1:] != expected:
            raise ValueError(f"images have shape {tuple(images.shape)}, expected (B, {expected})")
        patches = self.patches(centred(images, self.class_token.dtype))
        position = self.position.to(patches.dtype)
        patches = patches + position[config.prefix :]
        if visible is not None:
            patches = patches.gather(1, visible[..., None].expand(-1, -1, config.width))
        learned: list[Tensor] = [self.class_token]
        if self.distillation_token is not None:
            learned.append(self.distillation_token)
        first = torch.stack(learned).to(patches.dtype) + position[: config.prefix]
        tokens = torch.cat([first.expand(len(patches), -1, -1), patches], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


class ViTClassifier(nn.Module):
    """The encoder and one linear head per learned token."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.encoder = ViTEncoder(config)
        self.heads = nn.ModuleList(nn.Linear(config.width, config.outputs) for _ in range(config.prefix))

    def forward(self, images: Tensor) -> Tensor:
        """(B, H, W, 3) -> logits (heads, B, K): the class token's, then the distillation token's."""
        tokens = self.encoder(images)
        return torch.stack([head(tokens[:, i]) for i, head in enumerate(self.heads)])


class ConvNet(nn.Module):
    """A small residual ConvNet with about the parameters and multiplications of the default transformer.

    3x3 convolutions at strides 4, 8, 16 and 32, then the maximum over the last map. It has the biases that a
    transformer must learn: near pixels belong together, and a thing is the same thing wherever it is.

    Args:
        outputs: Classes K.
        widths: Channels at each stride.
    """

    def __init__(self, outputs: int, widths: tuple[int, int, int, int] = (32, 48, 96, 96)) -> None:
        super().__init__()
        inputs = (48, *widths[:-1])
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2 if i else 1, padding=1)
            for i, (a, b) in enumerate(zip(inputs, widths, strict=True))
        )
        self.same = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for width in widths)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.norms_same = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.head = nn.Linear(widths[-1], outputs)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor) -> Tensor:
        """(B, H, W, 3), H and W multiples of 4 -> logits (1, B, K)."""
        x = fold(centred(images, self.head.weight.dtype), 4).permute(0, 3, 1, 2)
        for down, norm, same, norm_same in zip(
            self.down, self.norms, self.same, self.norms_same, strict=True
        ):
            x = relu(norm(down(x)))
            x = x + relu(norm_same(same(x)))
        return self.head(x.amax((2, 3)))[None]
