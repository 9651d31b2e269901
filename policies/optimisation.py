"""The optimiser: its schedule, which weights decay, and how its state travels without pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class OptimiserSettings(Protocol):
    """What a training run decides about its optimiser; see ``policies.config.TrainConfig``."""

    @property
    def steps(self) -> int: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def final_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def beta2(self) -> float: ...


def learning_rate(step: int, config: OptimiserSettings) -> float:
    """Linear warm-up, then a half cosine down to ``final_rate`` of the peak."""
    rise = min(1.0, (step + 1) / max(1, config.warmup_steps))
    done = min(1.0, max(0, step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    fall = config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * done))
    return config.learning_rate * rise * fall


def make_optimizer(network: nn.Module, config: OptimiserSettings) -> torch.optim.AdamW:
    """AdamW over the weights that are not frozen; matrices decay, embeddings, norms and biases do not."""
    matrices, others = [], []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            is_matrix = name.endswith("weight") and parameter.ndim > 1 and "embedding" not in name
            (matrices if is_matrix else others).append(parameter)
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True)


def pack_training(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Raw weights and the optimiser's moments, under ``weight.<name>`` and ``<moment>.<name>``."""
    state = {f"weight.{name}": tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            state[f"{key}.{name}"] = value
    return state


def unpack_training(
    network: nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]
) -> None:
    """The inverse of :func:`pack_training`.

    Raises:
        RuntimeError: the weights do not fit the network.
        KeyError: a moment is missing.
    """
    prefix = "weight."
    weights = {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}
    network.load_state_dict(weights)
    for name, parameter in network.named_parameters():
        if f"exp_avg.{name}" in state:
            step, *moments = (state[f"{key}.{name}"] for key in _MOMENTS)
            # Copied into tensors of the parameter's own memory layout, as the optimiser makes them.
            first, second = (torch.empty_like(parameter).copy_(moment) for moment in moments)
            optimizer.state[parameter] = {"step": step.clone(), "exp_avg": first, "exp_avg_sq": second}
