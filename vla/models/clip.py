"""Pictures and sentences in one space (CLIP, arXiv 2103.00020): two encoders and a learned temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, normalize

from vla.models.attention import mlp
from vla.models.text import InstructionTokenizer, TextConfig, TextEncoder
from vla.models.vit import ViT, ViTConfig

LARGEST_SCALE: Final = 100.0
"""No temperature below 1/100 (section 2.5 of the paper): beyond it training is unstable."""

_AT_ONCE = 256
_PACE = 10.0


@runtime_checkable
class ImageTextModel(Protocol):
    """Anything that puts pictures and sentences in one space: ours, or one of Hugging Face's."""

    @property
    def image_size(self) -> int:
        """Side in pixels of the square pictures it looks at; others are resized to it."""
        ...

    @property
    def scale(self) -> float:
        """What a cosine is multiplied with to give a logit."""
        ...

    @property
    def bias(self) -> float:
        """What is added then; 0 except for models trained with a sigmoid."""
        ...

    def embed_images(self, images: NDArray[np.uint8]) -> Tensor:
        """uint8 RGB (n, H, W, 3) -> unit vectors (n, E), float32, without gradient."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n sentences -> unit vectors (n, E), float32, without gradient."""
        ...


@dataclass(frozen=True)
class CLIPConfig:
    """Sizes of :class:`CLIP`.

    Attributes:
        vision: The image tower; it looks through one camera.
        text: The text tower.
        width: E, the width of the common space.
        hidden: Width of what is read from each cell of the picture before the strongest is taken.
        scale: What a cosine is multiplied with at first, 1 over the temperature.
    """

    vision: ViTConfig = field(default_factory=lambda: ViTConfig(depth=3, cameras=1))
    text: TextConfig = field(default_factory=TextConfig)
    width: int = 256
    hidden: int = 256
    scale: float = 14.0

    def __post_init__(self) -> None:
        if self.vision.cameras != 1:
            raise ValueError(f"vision.cameras {self.vision.cameras} must be 1: a caption is of one picture")
        if not 0 < self.scale <= LARGEST_SCALE:
            raise ValueError(f"scale {self.scale} is outside (0, {LARGEST_SCALE:g}]")


class CLIP(nn.Module):
    """Dual encoder.

    A caption says that something is *somewhere* in the picture. So besides the class token, which has seen
    everything at once, the image tower reads each cell of its finest map and keeps the strongest of each
    reading.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        width = config.vision.width
        self.vision = ViT(config.vision)
        self.text = TextEncoder(config.text)
        self.read_cells = mlp(width, config.hidden, config.hidden)
        self.image_norm = nn.LayerNorm(config.hidden + width)
        self.image_out = nn.Linear(config.hidden + width, config.width, bias=False)
        self.text_out = mlp(config.text.width, 2 * config.text.width, config.width)
        # One number among a million: at the pace of the others it would take thousands of steps to settle.
        self.log_scale = nn.Parameter(torch.tensor(math.log(config.scale) / _PACE))

    def images(self, images: Tensor) -> Tensor:
        """Unit vectors (B, E) of pictures (B, H, W, 3), uint8 in 0..255 or floating point in 0..1."""
        tokens, fine = self.vision(images[:, None])
        cells = self.read_cells(fine[:, 0].flatten(1, 2)).amax(1)
        seen = torch.cat([cells, tokens[:, 0, 0]], dim=-1)
        return normalize(self.image_out(self.image_norm(seen)).float(), dim=-1)

    def texts(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (B, E) of ids (B, L) with a mask (B, L) that is True on tokens."""
        # The start token, which has seen the others, stands for the sentence.
        return normalize(self.text_out(self.text(tokens, mask)[:, 0]).float(), dim=-1)

    def scale(self) -> Tensor:
        """What cosines are multiplied with, at most :data:`LARGEST_SCALE`."""
        return (_PACE * self.log_scale).clamp(max=math.log(LARGEST_SCALE)).exp()

    @torch.no_grad()
    def bound_scale(self) -> None:
        """Bring the parameter back under its bound, beyond which it would have no gradient."""
        self.log_scale.clamp_(max=math.log(LARGEST_SCALE) / _PACE)


def info_nce(
    images: Tensor,
    texts: Tensor,
    scale: Tensor | float,
    also_true: Tensor | None = None,
    negatives: Tensor | None = None,
    real: Tensor | None = None,
) -> Tensor:
    """The symmetric contrastive loss: each picture finds its caption among all, and each caption its picture.

    Args:
        images: Unit vectors (B, E).
        texts: Unit vectors (B, E); row i is true of picture i.
        scale: What cosines are multiplied with.
        also_true: (B, B) bool, True where caption j may be true of picture i, too: no wrong answer, and so
            left out. Its diagonal does not matter.
        negatives: Unit vectors (B, K, E) of captions that are false of picture i, added to its choices.
        real: (B, K) bool, False where row i has fewer than K of them.

    Returns:
        A scalar in nats; log B for embeddings that tell nothing, where nothing is left out or added.
    """
    logits = scale * images @ texts.T
    answer = torch.arange(len(images), device=images.device)
    if also_true is not None:
        others = also_true & ~torch.eye(len(images), dtype=torch.bool, device=images.device)
        logits = logits.masked_fill(others, -torch.inf)
    rows = logits
    if negatives is not None:
        false = scale * torch.einsum("be,bke->bk", images, negatives)
        if real is not None:
            false = false.masked_fill(~real, -torch.inf)
        rows = torch.cat([logits, false], dim=1)
    return (cross_entropy(rows, answer) + cross_entropy(logits.T, answer)) / 2


class TrainedCLIP:
    """A :class:`CLIP` with its tokenizer, for looking: an :class:`ImageTextModel`."""

    def __init__(self, network: CLIP, tokenizer: InstructionTokenizer) -> None:
        self.network, self.tokenizer = network.eval(), tokenizer

    @property
    def image_size(self) -> int:
        return self.network.config.vision.image_size

    @property
    def scale(self) -> float:
        return float(self.network.scale().detach())

    @property
    def bias(self) -> float:
        return 0.0

    @torch.inference_mode()
    def embed_images(self, images: NDArray[np.uint8]) -> Tensor:
        size = self.image_size
        pixels = self._here(np.array(images))
        if pixels.shape[1:3] != (size, size):
            # The whole picture is seen; one that is not square is squeezed.
            shaped = pixels.permute(0, 3, 1, 2).float() / 255
            shaped = interpolate(shaped, (size, size), mode="bilinear", antialias=True)
            pixels = shaped.permute(0, 2, 3, 1).clamp(0, 1)
        return torch.cat([self.network.images(part) for part in pixels.split(_AT_ONCE)]).cpu()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        ids, mask = self.tokenizer(texts)
        pairs = zip(self._here(ids).split(_AT_ONCE), self._here(mask).split(_AT_ONCE), strict=True)
        return torch.cat([self.network.texts(*pair) for pair in pairs]).cpu()

    def _here(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.network.log_scale.device)


def ensemble(model: ImageTextModel, prompts: Sequence[Sequence[str]]) -> Tensor:
    """One unit vector per class, (C, E): the mean over its prompts, as in section 3.1.4 of the paper.

    Args:
        model: Embeds the prompts.
        prompts: C classes, each with one or more wordings.
    """
    vectors = model.embed_texts([text for wordings in prompts for text in wordings])
    parts = vectors.split([len(wordings) for wordings in prompts])
    return normalize(torch.stack([part.mean(0) for part in parts]), dim=-1)


def probabilities(model: ImageTextModel, images: NDArray[np.uint8], classes: Tensor) -> NDArray[np.float64]:
    """How likely each class is for each picture.

    Args:
        model: Embeds the pictures.
        images: uint8 RGB (n, H, W, 3).
        classes: Unit vectors (C, E), see :func:`ensemble`.

    Returns:
        (n, C); each row sums to 1.
    """
    logits = model.scale * model.embed_images(images).double() @ classes.double().T
    return logits.softmax(-1).numpy()
