"""What a larger picture costs: patches grow with its area, attention with the square of their number."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from policies.device import use_bf16
from vla.models.classifier import ClassifierConfig, ConvNet, ViTClassifier

COSTED = ("plain", "hybrid", "convnet")
_BATCH = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """What one forward pass costs.

    Attributes:
        model: One of :data:`COSTED`.
        image_size: Height and width in pixels.
        tokens: Tokens of the transformer, the class token included; 0 for the ConvNet.
        flops: Operations per picture, two for each multiplication and addition, as torch counts them.
        attention_flops: Those of queries times keys and weights times values, as :func:`attention_flops`
            derives them; 0 for the ConvNet.
        seconds: Time per picture, the shortest of several passes.
    """

    model: str
    image_size: int
    tokens: int
    flops: int
    attention_flops: int
    seconds: float


def attention_flops(config: ClassifierConfig) -> int:
    """Operations of all attention products for one picture: 4 N^2 D per block, N with learned tokens."""
    return 4 * (config.prefix + config.patches) ** 2 * config.width * config.depth


def token_flops(config: ClassifierConfig) -> int:
    """Operations of all linear maps of a plain classifier for one picture; they grow with N alone."""
    tokens, width = config.prefix + config.patches, config.width
    block = 2 * width * width * (4 + 2 * config.ratio)
    embedding = 2 * config.patches * 3 * config.patch**2 * width
    return tokens * block * config.depth + embedding + 2 * config.prefix * width * config.outputs


def measure_costs(network: ClassifierConfig, sizes: Sequence[int], rounds: int) -> list[Cost]:
    """Count and time a forward pass of every model at every size, on the CPU.

    The passes take turns, so that a slow moment of the machine hits all alike, and the shortest counts.

    Args:
        network: Sizes of the transformer; its image size does not matter.
        sizes: Heights and widths in pixels; multiples of 16.
        rounds: Turns, at least 1.
    """
    made = {
        (model, size): _build(model, replace(network, image_size=size)) for size in sizes for model in COSTED
    }
    images = {size: torch.rand(_BATCH, size, size, 3) for size in sizes}
    bf16 = use_bf16("auto", torch.device("cpu"))
    best = dict.fromkeys(made, float("inf"))
    flops: dict[tuple[str, int], int] = {}
    with torch.no_grad():
        for (model, size), built in made.items():
            with FlopCounterMode(display=False) as counter:
                built(images[size][:1])
            flops[model, size] = counter.get_total_flops()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            # The first turn warms up and does not count.
            for turn in range(1 + rounds):
                for (model, size), built in made.items():
                    began_s = time.perf_counter()
                    built(images[size])
                    took_s = (time.perf_counter() - began_s) / _BATCH
                    best[model, size] = min(best[model, size], took_s) if turn else best[model, size]
    costs = []
    for model, size in made:
        config = replace(network, image_size=size)
        seen = model != "convnet"
        tokens = config.prefix + config.patches if seen else 0
        attention = attention_flops(config) if seen else 0
        costs.append(Cost(model, size, tokens, flops[model, size], attention, best[model, size]))
    return costs


def _build(model: str, config: ClassifierConfig) -> nn.Module:
    torch.manual_seed(0)
    if model == "convnet":
        return ConvNet(config.outputs).eval()
    return ViTClassifier(replace(config, stem="hybrid" if model == "hybrid" else "patch")).eval()
