"""Changes to pictures that leave the task the same: shifts, light, colour casts, noise, hidden patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class AugmentConfig:
    """How strongly training samples are varied; zeros everywhere turn augmentation off.

    Attributes:
        shift_px: Largest random shift of a picture along each axis, in pixels.
        brightness: Half range of an offset of all channels, picture values being 0..1.
        contrast: Half range of a gain around 1 of all channels.
        channel_gain: Half range of a gain around 1 of each channel.
        noise: Largest standard deviation of pixel noise.
        cutout: Chance that one rectangle of a picture is hidden.
        cutout_px: Largest side of that rectangle, in pixels.
        words: Chance of each kind of disturbance of an instruction's words.
    """

    shift_px: int = 1
    brightness: float = 0.08
    contrast: float = 0.2
    channel_gain: float = 0.06
    noise: float = 0.03
    cutout: float = 0.2
    cutout_px: int = 20
    words: float = 0.1


def shift(image: NDArray[np.uint8], dx: int, dy: int, out: NDArray[np.uint8]) -> None:
    """Write ``image`` (H, W, 3) moved right by ``dx`` and down by ``dy`` pixels to ``out``; edges repeat."""
    height, width = image.shape[:2]
    top, left = max(dy, 0), max(dx, 0)
    bottom, right = height + min(dy, 0), width + min(dx, 0)
    out[top:bottom, left:right] = image[top - dy : bottom - dy, left - dx : right - dx]
    out[top:bottom, :left] = out[top:bottom, left : left + 1]
    out[top:bottom, right:] = out[top:bottom, right - 1 : right]
    out[:top] = out[top]
    out[bottom:] = out[bottom - 1]


def cut_out(image: NDArray[np.uint8], rng: np.random.Generator, largest: int) -> None:
    """Hide one random rectangle of ``image`` (H, W, 3) behind a random colour, in place."""
    height, width = image.shape[:2]
    tall, wide = rng.integers(4, largest + 1, 2)
    y, x = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    image[y : y + tall, x : x + wide] = rng.integers(0, 256, 3, dtype=np.uint8)


def draw_light(rng: np.random.Generator, pictures: int, config: AugmentConfig) -> NDArray[np.float32]:
    """Random light per picture, float32 (n, 7): three gains, three offsets, a noise deviation.

    The gain acts around mid-grey, so that contrast and brightness are separate.
    """

    def half(size: float, *shape: int) -> NDArray[np.float64]:
        return rng.uniform(-size, size, shape)

    gain = (1 + half(config.contrast, pictures, 1)) * (1 + half(config.channel_gain, pictures, 3))
    offset = half(config.brightness, pictures, 1) + 0.5 * (1 - gain)
    noise = rng.uniform(0, config.noise, (pictures, 1))
    return np.concatenate([gain, offset, noise], axis=1).astype(np.float32)


class Light(nn.Module):
    """Applies :func:`draw_light`'s draws; its noise comes from a small bank, since drawing it costs more."""

    def __init__(self, image_size: tuple[int, int], bank: int = 16) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(bank, *image_size, 3, generator=generator)
        self.noise: Tensor
        self.register_buffer("noise", noise, persistent=False)

    def forward(self, images: Tensor, light: Tensor, dtype: torch.dtype) -> Tensor:
        """uint8 (B, C, H, W, 3) with ``light`` (B, C, 7) -> ``dtype`` in 0..1, same shape."""
        light = light.to(dtype)[:, :, None, None]
        x = torch.addcmul(light[..., 3:6], images.to(dtype) / 255, light[..., :3])
        pick = torch.randint(len(self.noise), images.shape[:2], device=images.device)
        return torch.addcmul(x, self.noise.to(dtype)[pick], light[..., 6:]).clamp(0, 1)
