"""A trained network as a policy and a detector of success."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.algorithm import Algorithm, build_algorithm
from policies.checkpoint import CheckpointError, read_checkpoint
from policies.chunking import CHUNKING, Chunking, Overlap
from policies.device import choose_device
from policies.normalisation import Normalisation, joint_axes, tool_position
from vla.contract import ActionChunk, ActRequest, Observation, Prefix, RobotSpec
from vla.models.text import InstructionTokenizer
from vla.models.vla import VLA, Context


@dataclass(frozen=True, slots=True)
class Belief:
    """What the network makes of an instruction in what it sees.

    Attributes:
        target: Position (3,) in m of what is referred to, robot base frame.
        destination: Position (3,) in m of where it goes; meaningless for tasks without one.
        target_uv: Camera name to where the target is seen, (2,) in 0..1 of the picture.
        family: Name of the task family, or "none".
        done: Probability that the instruction is fulfilled.
    """

    target: NDArray[np.float32]
    destination: NDArray[np.float32]
    target_uv: dict[str, NDArray[np.float32]]
    family: str
    done: float


class NetworkPolicy:
    """``vla.contract.Policy`` and ``SuccessDetector`` over a network, one algorithm and its scales."""

    def __init__(
        self,
        network: VLA,
        algorithm: Algorithm,
        normalisation: Normalisation,
        tokenizer: InstructionTokenizer,
        spec: RobotSpec,
        families: Sequence[str],
        *,
        steps: int | None = None,
        bf16: bool = False,
        chunking: Chunking = "auto",
    ) -> None:
        """Wrap a network.

        Args:
            network: Put into evaluation mode by this; its device is the one used.
            algorithm: Samples chunks.
            normalisation: Scales of the training set.
            tokenizer: Encodes instructions.
            spec: The robot.
            families: Names of the task families in label order.
            steps: Network evaluations per chunk; None takes the algorithm's own number.
            bf16: Compute in bf16; the numbers handed out are float32 either way.
            chunking: How to go on from a prefix, see :mod:`policies.chunking`. ``"auto"`` takes the best of
                the algorithm's ways.

        Raises:
            ValueError: the algorithm, or the network's training, does not allow ``chunking``.
        """
        self._network, self._algorithm, self._normalisation = network.eval(), algorithm, normalisation
        self._tokenizer, self._spec, self._families = tokenizer, spec, (*families, "none")
        self._steps, self._bf16 = steps, bf16
        self._device = next(network.parameters()).device
        self.chunking: Chunking = _way(chunking, algorithm.ways)
        self._noise = torch.Generator().manual_seed(0)
        self._read: dict[str, tuple[Tensor, Tensor]] = {}
        self._last: tuple[Observation, str, Context] | None = None

    @property
    def spec(self) -> RobotSpec:
        """The robot this was trained for."""
        return self._spec

    @property
    def expert_weights(self) -> int:
        """Trainable numbers of the action expert."""
        return sum(parameter.numel() for parameter in self._network.expert.parameters())

    def reset(self, seed: int) -> None:
        """Restart the noise; the same seed and inputs give the same bytes."""
        self._noise.manual_seed(seed)
        self._last = None

    def act(self, observation: Observation, instruction: str, prefix: Prefix | None = None) -> ActionChunk:
        """A chunk inside the spec's range, row 0 due at ``observation.stamp_s``.

        Raises:
            ContractError: the observation or the prefix does not fit the spec.
        """
        return self._sample([ActRequest(observation, instruction, prefix)], [self._noise])[0]

    def act_batch(self, requests: Sequence[ActRequest]) -> list[ActionChunk]:
        """One chunk per request; each draws its noise from its own seed. Raises as :meth:`act`."""
        generators = [torch.Generator().manual_seed(request.seed) for request in requests]
        return self._sample(requests, generators)

    def _sample(
        self, requests: Sequence[ActRequest], generators: Sequence[torch.Generator]
    ) -> list[ActionChunk]:
        expert = self._network.config.expert
        # Drawn on the CPU: the same bytes on every device.
        noise = torch.stack([torch.randn(expert.chunk, expert.action, generator=g) for g in generators])
        states = self._states([request.observation for request in requests])
        # Not inference mode: guided chunking differentiates through the sampler.
        with torch.no_grad(), self._precision():
            context = self._understand(
                [request.observation for request in requests], [request.instruction for request in requests]
            )
            overlap = self._overlap(requests, states)
            chunks = self._algorithm.sample(
                self._network, context, noise.to(self._device), self._steps, overlap
            )
            actions = self._normalisation.decode(chunks.float(), states).cpu().numpy()
        # A network's outputs may overshoot what the robot accepts.
        actions = np.clip(actions, self._spec.action_low, self._spec.action_high).astype(np.float32)
        for rows, request in zip(actions, requests, strict=True):
            if overlap is not None and request.prefix is not None:
                kept = min(request.prefix.frozen, len(rows))
                rows[:kept] = request.prefix.actions[:kept]  # as they are: no rounding there and back
        return [
            ActionChunk(actions=rows, dt_s=self._spec.dt_s, start_s=request.observation.stamp_s)
            for rows, request in zip(actions, requests, strict=True)
        ]

    def _overlap(self, requests: Sequence[ActRequest], states: Tensor) -> Overlap | None:
        """The requests' prefixes in the network's scale; None where none counts."""
        prefixes = [request.prefix for request in requests]
        for prefix in prefixes:
            if prefix is not None:
                prefix.check(self._spec)
        if self.chunking == "off" or not any(
            prefix is not None and len(prefix.actions) for prefix in prefixes
        ):
            return None
        expert = self._network.config.expert
        known = np.zeros((len(requests), expert.chunk, expert.action), np.float32)
        frozen, rows = np.zeros((2, len(requests)), np.int64)
        for i, prefix in enumerate(prefixes):
            if prefix is not None:
                rows[i] = min(len(prefix.actions), expert.chunk)
                known[i, : rows[i]] = prefix.actions[: rows[i]]
                frozen[i] = min(prefix.frozen, rows[i])
        counts = torch.from_numpy(rows).to(self._device)
        scaled = self._normalisation.encode(torch.from_numpy(known).to(self._device), states)
        there = torch.arange(expert.chunk, device=self._device) < counts[:, None]
        late = self.chunking == "trained" and int(frozen.max()) > self._algorithm.max_delay
        way: Chunking = "guided" if late else self.chunking
        return Overlap(
            actions=torch.where(there[..., None], scaled, 0.0),
            frozen=torch.from_numpy(frozen).to(self._device),
            rows=counts,
            way=way,
        )

    def success(self, observation: Observation, instruction: str) -> float:
        """Probability in [0, 1] that ``instruction`` is fulfilled in what is seen.

        Raises:
            ContractError: the observation does not fit the spec.
        """
        return self.look(observation, instruction).done

    def look(self, observation: Observation, instruction: str) -> Belief:
        """What the network makes of the instruction, without acting.

        Raises:
            ContractError: the observation does not fit the spec.
        """
        with torch.no_grad(), self._precision():
            grounded = self._understand([observation], [instruction]).grounded
            position = grounded.position[0, 0].float().cpu().numpy()
            uv = grounded.uv[0, 0, 0].float().cpu().numpy()
            return Belief(
                target=position[0],
                destination=position[1],
                target_uv=dict(zip(self._spec.cameras, uv, strict=True)),
                family=self._families[int(grounded.family[0, 0].argmax())],
                done=float(grounded.done[0, 0].sigmoid()),
            )

    def _precision(self) -> torch.autocast | nullcontext[None]:
        return torch.autocast(self._device.type, torch.bfloat16) if self._bf16 else nullcontext()

    def _states(self, observations: Sequence[Observation]) -> Tensor:
        return torch.from_numpy(np.stack([o.state for o in observations])).to(self._device)

    def _understand(self, observations: Sequence[Observation], instructions: Sequence[str]) -> Context:
        # The success detector usually asks about the very observation that was just acted on.
        single = len(observations) == 1
        if single and self._last and self._last[0] is observations[0] and self._last[1] == instructions[0]:
            return self._last[2]
        for observation in observations:
            observation.check(self._spec)
        stacked = np.stack([[o.images[name] for name in self._spec.cameras] for o in observations])
        images = torch.from_numpy(stacked).to(self._device)
        state = self._states(observations)
        text, mask = self._text(instructions)
        if self._bf16:
            images = images.to(torch.bfloat16) / 255
        tool = tool_position(self._spec, state)
        context = self._network.encode(images, self._normalisation.state(state), tool, text, mask)
        if single:
            self._last = (observations[0], instructions[0], context)
        return context

    def _text(self, instructions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Features (B, 1, L, D) and mask (B, 1, L); one instruction's features are kept for the next call."""
        if len(instructions) == 1 and instructions[0] in self._read:
            return self._read[instructions[0]]
        ids, mask = (torch.from_numpy(x).to(self._device)[:, None] for x in self._tokenizer(instructions))
        out = self._network.read(ids, mask), mask
        if len(instructions) == 1:
            if len(self._read) >= 64:
                self._read.clear()
            self._read[instructions[0]] = out
        return out


def load_policy(
    path: Path | str,
    device: str = "auto",
    steps: int | None = None,
    threads: int = 0,
    bf16: bool = False,
    chunking: Chunking = "auto",
) -> NetworkPolicy:
    """A policy out of a checkpoint, verified, ready to act.

    Args:
        path: A checkpoint folder, or a run, whose newest checkpoint is taken.
        device: ``auto``, ``cpu`` or ``cuda``.
        steps: Network evaluations per chunk; None takes the number it was trained with.
        threads: Torch's threads on a CPU; 0 leaves torch's choice.
        bf16: Compute in bf16.
        chunking: How to go on from a prefix, see :class:`NetworkPolicy`.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
        ValueError: ``device`` is unknown or absent, ``steps`` < 1, or ``chunking`` does not fit.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"steps {steps} must be >= 1")
    if threads:
        torch.set_num_threads(threads)
    checkpoint = read_checkpoint(path)
    network = VLA(checkpoint.config.model, joint_axes(checkpoint.spec))
    try:
        network.load_state_dict(dict(checkpoint.weights))
    except RuntimeError as error:
        raise CheckpointError(
            f"{checkpoint.directory}: the weights do not fit the configured sizes: {error}"
        ) from error
    return NetworkPolicy(
        network.to(choose_device(device)),
        build_algorithm(checkpoint.config),
        checkpoint.normalisation,
        checkpoint.tokenizer,
        checkpoint.spec,
        checkpoint.families,
        steps=steps,
        bf16=bf16,
        chunking=chunking,
    )


def _way(chunking: Chunking, ways: tuple[Chunking, ...]) -> Chunking:
    if chunking not in CHUNKING:
        raise ValueError(f"chunking {chunking!r} is not one of {', '.join(CHUNKING)}")
    if chunking == "auto":
        return ways[0] if ways else "off"
    if chunking not in (*ways, "off"):
        raise ValueError(
            f"chunking {chunking!r} is not for this policy, which can do {', '.join((*ways, 'off'))}; "
            "flow matching can do 'trained' where train.flow.max_delay > 0"
        )
    return chunking
