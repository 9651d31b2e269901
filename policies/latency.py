"""How long the ways of learning actions take to give a chunk, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from policies.algorithm import build_algorithm
from policies.checkpoint import Checkpoint
from policies.config import TrainConfig
from policies.device import choose_device
from policies.network_policy import NetworkPolicy
from policies.normalisation import joint_axes
from vla.conformance import sample_observation
from vla.contract import Observation, Prefix
from vla.models.vla import VLA

INSTRUCTION = "put the red block in the bowl"
BINS = 256
ROWS = "autoregressive, a row at a time"


def variants(config: TrainConfig) -> dict[str, TrainConfig]:
    """Every algorithm over one network's trunk, by name; ``config`` gives the sizes and the settings."""
    expert = config.model.expert

    def with_expert(policy: str, bins: int, lanes: int) -> TrainConfig:
        model = replace(config.model, expert=replace(expert, bins=bins, lanes=lanes))
        return replace(config, policy=policy, model=model)

    return {name: with_expert(name, 0, 1) for name in ("flow", "diffusion", "act")} | {
        "autoregressive": with_expert("autoregressive", expert.bins or BINS, 1),
        ROWS: with_expert("autoregressive", expert.bins or BINS, expert.action),
    }


def fresh_policy(checkpoint: Checkpoint, config: TrainConfig, device: str = "auto") -> NetworkPolicy:
    """A policy that knows nothing, as ``config`` says, over a checkpoint's robot, words and scales.

    It is as slow as a trained one: no weight decides how much is computed.

    Raises:
        ValueError: ``device`` is unknown or absent.
    """
    torch.manual_seed(0)
    network = VLA(config.model, joint_axes(checkpoint.spec)).to(choose_device(device))
    return NetworkPolicy(
        network,
        build_algorithm(config),
        checkpoint.normalisation,
        checkpoint.tokenizer,
        checkpoint.spec,
        checkpoint.families,
    )


@dataclass(frozen=True)
class Latency:
    """Times of one policy, in s, one per round.

    Attributes:
        chunk_s: A chunk for an observation never seen.
        expert_s: A chunk for the observation that was just acted on: the expert alone.
        ongoing_s: The same, going on from a chunk in hand with a quarter of its rows committed.
        weights: Of the expert.
    """

    chunk_s: NDArray[np.float64]
    expert_s: NDArray[np.float64]
    ongoing_s: NDArray[np.float64]
    weights: int


def measure(
    policies: Mapping[str, NetworkPolicy], rounds: int, progress: Callable[[int, int], None] | None = None
) -> dict[str, Latency]:
    """Time all policies, in turn within each round, so that a busy moment meets them all.

    Args:
        policies: By name.
        rounds: At least 1; one more, at first, does not count.
        progress: Told (rounds done, rounds in all).

    Raises:
        ValueError: ``rounds`` is below 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds {rounds} must be at least 1")
    times_s = {name: np.zeros((rounds + 1, 3)) for name in policies}
    for i in range(rounds + 1):
        for name, policy in policies.items():
            times_s[name][i] = _once(policy, sample_observation(policy.spec, seed=i))
        if progress is not None:
            progress(i, rounds)
    return {
        name: Latency(*times_s[name][1:].T, weights=policy.expert_weights)
        for name, policy in policies.items()
    }


def _once(policy: NetworkPolicy, observation: Observation) -> tuple[float, float, float]:
    """Seconds of a first, a second and an ongoing chunk for one observation."""
    moments = [time.perf_counter()]
    chunk = policy.act(observation, INSTRUCTION)
    moments.append(time.perf_counter())
    policy.act(observation, INSTRUCTION)
    moments.append(time.perf_counter())
    policy.act(observation, INSTRUCTION, Prefix(chunk.actions, len(chunk.actions) // 4))
    moments.append(time.perf_counter())
    first, second, third = np.diff(moments)
    return first, second, third
