"""Which of a GR00T client's groups is which camera, state and action of a robot; N1.5, N1.6 and N1.7."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from vla.bridge.groups import Groups, check_cameras, check_groups, join, kind, numbers, split, table, words
from vla.bridge.ndarrays import CodecError
from vla.contract import Axis, Observation, RobotSpec

Schema = Literal["n1.5", "n1.6"]
"""``"n1.5"``: flat keys, ``video.front``. ``"n1.6"``, also N1.7's: maps of maps with axes (B, T, ...)."""


@dataclass(frozen=True, slots=True)
class GrootMapping:
    """GR00T's names for what a robot senses and does.

    Attributes:
        cameras: Camera of the spec to its key under ``video``.
        state: Key under ``state`` to the names of the state axes in it, in order, in the spec's units.
        action: Key under ``action`` to the names of the action axes in it.
        language: Keys that may hold the instruction; the first that is there counts, the first is written.
    """

    cameras: Mapping[str, str]
    state: Groups
    action: Groups
    language: tuple[str, ...] = (
        "annotation.human.task_description",
        "annotation.human.action.task_description",
        "task",
    )

    @classmethod
    def of(cls, spec: RobotSpec) -> Self:
        """The spec's own camera names; axes grouped by what stands before the last underscore of their names.

        So ``joint_1`` to ``joint_7`` are ``state.joint`` of 7, and ``gripper_gap`` is ``state.gripper`` of 1.
        """
        return cls({name: name for name in spec.cameras}, _groups(spec.state), _groups(spec.action))

    def check(self, spec: RobotSpec) -> None:
        """Raise :class:`~vla.contract.ContractError` unless it covers ``spec`` exactly."""
        check_cameras(self.cameras, spec)
        check_groups("state", self.state, spec.state)
        check_groups("action", self.action, spec.action)

    def read(self, given: object, spec: RobotSpec, schema: Schema, stamp_s: float) -> tuple[Observation, str]:
        """One robot's observation and instruction.

        Leading axes for batch and time may be there or not, and must be 1: one robot, one instant. Keys that
        the mapping does not name are ignored.

        Raises:
            ContractError: a key is missing, or a value is not what ``spec`` says; both are named.
        """
        flat = _flat(table("the observation", given), schema)
        video = {name: f"video.{key}" for name, key in self.cameras.items()}
        spoken = [key for name in self.language if (key := _said(name, schema)) in flat]
        missing = [
            key for key in (*video.values(), *(f"state.{key}" for key in self.state)) if key not in flat
        ]
        if missing or not spoken:
            missing += [] if spoken else [f"one of {', '.join(self.language)}"]
            raise CodecError(f"missing {', '.join(missing)}; got {', '.join(sorted(flat)[:16]) or 'nothing'}")
        images = {name: _picture(key, flat[key], spec.cameras[name]) for name, key in video.items()}
        parts = {key: _row(f"state.{key}", flat[f"state.{key}"]) for key in self.state}
        observation = Observation(images, join(parts, self.state, spec.state), stamp_s)
        observation.check(spec)
        return observation, _instruction(spoken[0], flat[spoken[0]])

    def write(
        self, observation: Observation, instruction: str, spec: RobotSpec, schema: Schema
    ) -> dict[str, Any]:
        """What a client would send: pictures (1, H, W, 3), state (1, D); N1.6 puts a batch of 1 before."""
        video = {key: observation.images[name][None] for name, key in self.cameras.items()}
        state = split(observation.state[None], self.state, spec.state)
        if schema == "n1.5":
            flat: dict[str, Any] = {f"video.{key}": image for key, image in video.items()}
            flat |= {f"state.{key}": row for key, row in state.items()}
            return flat | {self.language[0]: [instruction]}
        return {
            "video": {key: image[None] for key, image in video.items()},
            "state": {key: row[None] for key, row in state.items()},
            "language": {self.language[0]: [[instruction]]},
        }

    def write_actions(
        self, actions: NDArray[np.float32], spec: RobotSpec, schema: Schema, batched: bool
    ) -> dict[str, NDArray[np.float32]]:
        """``actions`` (T, A) as groups (T, D), or (1, T, D) when ``batched``; N1.5's keys say ``action.``."""
        groups = split(actions[None] if batched else actions, self.action, spec.action)
        return {_acted(key, schema): rows for key, rows in groups.items()}

    def read_actions(self, given: object, spec: RobotSpec, schema: Schema) -> NDArray[np.float32]:
        """The inverse of :meth:`write_actions`, (T, A); a group of one axis may come as (T,).

        Values are not judged here: the robot side refuses what is not finite and says so.

        Raises:
            CodecError: a group is missing or of another width, or the groups differ in length.
        """
        found = table("the answer", given)
        keys = {group: _acted(group, schema) for group in self.action}
        parts = {group: _rows(key, found.get(key), len(self.action[group])) for group, key in keys.items()}
        return join(parts, self.action, spec.action)


def is_batched(given: Mapping[str, Any]) -> bool:
    """Whether an N1.5 observation has a batch axis before time: then its answer has one, too."""
    return any(
        key.startswith("state.") and isinstance(value, np.ndarray) and value.ndim == 3
        for key, value in given.items()
    )


def _groups(axes: tuple[Axis, ...]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for axis in axes:
        group = axis.name.rpartition("_")[0] or axis.name
        groups[group] = (*groups.get(group, ()), axis.name)
    return groups


def _said(key: str, schema: Schema) -> str:
    return key if schema == "n1.5" else f"language.{key}"


def _acted(key: str, schema: Schema) -> str:
    return f"action.{key}" if schema == "n1.5" else key


def _flat(given: dict[str, Any], schema: Schema) -> dict[str, Any]:
    if schema == "n1.5":
        return given
    return {
        f"{modality}.{key}": value
        for modality, inner in given.items()
        if isinstance(inner, dict)
        for key, value in cast(dict[str, Any], inner).items()
    }


def _picture(key: str, value: object, size: tuple[int, int]) -> NDArray[np.uint8]:
    wanted = (*size, 3)
    if (
        isinstance(value, np.ndarray)
        and value.dtype == np.uint8
        and (value.shape == (1,) * (value.ndim - 3) + wanted)
    ):
        return np.ascontiguousarray(value.reshape(wanted))
    raise CodecError(f"{key!r} is {kind(value)}, expected uint8 {(1, 1, *wanted)} or fewer leading axes")


def _row(key: str, value: object) -> NDArray[np.float32]:
    if not isinstance(value, np.ndarray) or value.ndim < 1 or value.size != value.shape[-1]:
        raise CodecError(f"{key!r} is {kind(value)}, expected one row of numbers, (1, 1, D)")
    return numbers(key, value.reshape(-1))


def _rows(key: str, value: object, width: int) -> NDArray[np.float32]:
    if isinstance(value, np.ndarray):
        if value.ndim == 3 and len(value) == 1:
            return numbers(key, value[0], axes=2)
        if value.ndim == 1 and width == 1:
            return numbers(key, value)[:, None]
    return numbers(key, value, axes=2)


def _instruction(key: str, value: object) -> str:
    for _ in range(2):
        if isinstance(value, list) and len(cast(list[Any], value)) == 1:
            value = cast(list[Any], value)[0]
    return words(key, value)
