"""Scaling between a robot's units and the numbers a network likes.

An action axis that also is a state axis is learned relative to where that axis is now (a tool position, a
joint angle), except grippers, whose opening is learned as it is. Chunks are then scaled per row and axis,
because the first rows of a relative chunk are millimetres and the last ones are decimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vla.contract import RobotSpec

TOOL_AXES = ("tool_x", "tool_y", "tool_z")


def relative_axes(spec: RobotSpec) -> tuple[tuple[int, int], ...]:
    """Pairs (action index, state index) of the axes learned relative to the state; the names decide."""
    names = [axis.name for axis in spec.state]
    return tuple(
        (i, names.index(axis.name))
        for i, axis in enumerate(spec.action)
        if axis.name in names and not axis.name.startswith("gripper_")
    )


def tool_position(spec: RobotSpec, state: Tensor) -> Tensor:
    """Tool position (B, 3) in m out of states (B, S); zeros for a robot that does not report it."""
    names = [axis.name for axis in spec.state]
    if not set(TOOL_AXES) <= set(names):
        return state.new_zeros(len(state), 3)
    return state[:, [names.index(name) for name in TOOL_AXES]]


def joint_axes(spec: RobotSpec) -> tuple[int, ...]:
    """State indices of the joint angles, the axes a network may be trained to live without."""
    return tuple(i for i, axis in enumerate(spec.state) if axis.name.startswith("joint_"))


@dataclass(frozen=True)
class Normalisation:
    """Means and standard deviations, float32.

    Attributes:
        relative: Pairs of :func:`relative_axes`.
        action_mean: (T, A), of relative chunks.
        action_std: (T, A), floored.
        state_mean: (S,).
        state_std: (S,), floored.
        place_mean: (3,) mean of the labelled places, in m.
        place_std: (3,), floored.
    """

    relative: tuple[tuple[int, int], ...]
    action_mean: NDArray[np.float32]
    action_std: NDArray[np.float32]
    state_mean: NDArray[np.float32]
    state_std: NDArray[np.float32]
    place_mean: NDArray[np.float32]
    place_std: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        relative: tuple[tuple[int, int], ...],
        actions: NDArray[np.float32],
        valid: NDArray[np.bool_],
        states: NDArray[np.float32],
        places: NDArray[np.float32],
    ) -> Normalisation:
        """Measure the training set.

        Args:
            relative: Pairs of :func:`relative_axes`.
            actions: Absolute chunks (n, T, A).
            valid: (n, T), False on rows past their episode's end.
            states: (n, S), each sensed at row 0 of its chunk.
            places: (m, 3) labelled places in m; NaN rows are left out.

        Returns:
            The scales. The floor on an action's deviation is a tenth of its axis' mean deviation over the
            rows, so that a row that hardly ever moves does not blow up its noise.
        """
        chunks = actions.astype(np.float64)
        for a, s in relative:
            chunks[..., a] -= states[:, None, s]
        weight = valid[..., None].astype(np.float64)
        count = np.maximum(weight.sum(0), 1.0)
        mean = (chunks * weight).sum(0) / count
        std = np.sqrt((np.square(chunks - mean) * weight).sum(0) / count)
        std = np.maximum(std, np.maximum(0.1 * std.mean(0), 1e-4))
        places = places[np.isfinite(places).all(-1)]
        if not len(places):
            places = np.zeros((1, 3), np.float32)
        return cls(
            relative=relative,
            action_mean=mean.astype(np.float32),
            action_std=std.astype(np.float32),
            state_mean=states.mean(0, dtype=np.float64).astype(np.float32),
            state_std=np.maximum(states.std(0, dtype=np.float64), 1e-3).astype(np.float32),
            place_mean=places.mean(0, dtype=np.float64).astype(np.float32),
            place_std=np.maximum(places.std(0, dtype=np.float64), 1e-2).astype(np.float32),
        )

    def state(self, state: Tensor) -> Tensor:
        """States (B, S) in the robot's units -> normalised."""
        return (state - _like(self.state_mean, state)) / _like(self.state_std, state)

    def encode(self, actions: Tensor, state: Tensor) -> Tensor:
        """Absolute chunks (B, T, A) and the states (B, S) at their row 0 -> normalised chunks."""
        return (actions - self._origin(state)[:, None] - _like(self.action_mean, actions)) / _like(
            self.action_std, actions
        )

    def action_range(
        self,
        actions: NDArray[np.float32],
        valid: NDArray[np.bool_],
        states: NDArray[np.float32],
        tail: float = 0.01,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where most normalised actions lie, by row and axis.

        Args:
            actions: Absolute chunks (n, T, A).
            valid: (n, T), False on rows past their episode's end.
            states: (n, S), each sensed at row 0 of its chunk.
            tail: Share of the actions that is left out at either end.

        Returns:
            Low and high (T, A), at least a tenth of a deviation apart; -3 and 3 where a row is never valid.
        """
        chunks = self.encode(torch.from_numpy(actions), torch.from_numpy(states)).numpy()
        ends = np.empty((2, *chunks.shape[1:]), np.float32)
        for t in range(chunks.shape[1]):
            rows = chunks[valid[:, t], t]
            ends[:, t] = np.quantile(rows, [tail, 1 - tail], axis=0) if len(rows) else [[-3.0], [3.0]]
        middle, half = ends.mean(0), np.maximum((ends[1] - ends[0]) / 2, 0.05)
        return middle - half, middle + half

    def decode(self, chunks: Tensor, state: Tensor) -> Tensor:
        """The inverse of :meth:`encode`: (B, T, A) in the robot's units, not clipped."""
        return (
            chunks * _like(self.action_std, chunks)
            + _like(self.action_mean, chunks)
            + self._origin(state)[:, None]
        )

    def _origin(self, state: Tensor) -> Tensor:
        origin = state.new_zeros(len(state), self.action_mean.shape[1])
        for a, s in self.relative:
            origin[:, a] = state[:, s]
        return origin

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, the inverse of :meth:`from_dict`; float32 survives unchanged."""
        arrays = {name: getattr(self, name).astype(float).tolist() for name in _ARRAYS}
        return {"relative": [list(pair) for pair in self.relative], **arrays}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Normalisation:
        """Rebuild from :meth:`to_dict`'s output.

        Raises:
            KeyError: a field is missing.
        """
        pairs = tuple((int(a), int(s)) for a, s in data["relative"])
        return cls(relative=pairs, **{name: np.array(data[name], np.float32) for name in _ARRAYS})


_ARRAYS = ("action_mean", "action_std", "state_mean", "state_std", "place_mean", "place_std")


def _like(array: NDArray[np.float32], tensor: Tensor) -> Tensor:
    return torch.from_numpy(array).to(tensor.device, tensor.dtype)
