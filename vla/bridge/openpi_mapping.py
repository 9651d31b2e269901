"""Which of an openpi client's keys is which camera and which state of a robot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from vla.bridge.groups import Groups, check_cameras, check_groups, join, kind, numbers, split, table, words
from vla.bridge.ndarrays import CodecError
from vla.contract import Observation, RobotSpec


@dataclass(frozen=True, slots=True)
class OpenpiMapping:
    """One dialect of openpi observations, read and written.

    A key is a path: ``"images/cam_high"`` is ``{"images": {"cam_high": ...}}`` or, as LIBERO and DROID write
    theirs, one flat key that has slashes in it. Pictures are uint8 of exactly the camera's size, (H, W, 3) or
    (3, H, W); nothing is resized. Keys that no field names are ignored: openpi clients send what they have.

    Attributes:
        cameras: Camera of the spec to the key of its picture.
        state: Key of a vector to the names of the state axes in it, in order, in the spec's units.
        prompt: Key of the instruction.
        nested: Write ALOHA's layout: maps in maps, and pictures (3, H, W); else flat keys and (H, W, 3).
    """

    cameras: Mapping[str, str]
    state: Groups
    prompt: str = "prompt"
    nested: bool = False

    @classmethod
    def libero(cls, spec: RobotSpec) -> Self:
        """``observation/image``, ``observation/wrist_image``, ``observation/state``, ``prompt``.

        The wrist picture is of the first camera whose name has "wrist" or "hand" in it, the other of the
        first camera that remains; any further camera is ``observation/<its name>``.
        """
        keys: dict[str, str] = {}
        for name in spec.cameras:
            key = "observation/wrist_image" if "wrist" in name or "hand" in name else "observation/image"
            keys[name] = f"observation/{name}" if key in keys.values() else key
        return cls(keys, {"observation/state": tuple(axis.name for axis in spec.state)})

    @classmethod
    def aloha(cls, spec: RobotSpec) -> Self:
        """``images`` of one picture per camera under the spec's names, ``state``, ``prompt``."""
        keys = {name: f"images/{name}" for name in spec.cameras}
        return cls(keys, {"state": tuple(axis.name for axis in spec.state)}, nested=True)

    def check(self, spec: RobotSpec) -> None:
        """Raise :class:`~vla.contract.ContractError` unless it covers ``spec`` exactly."""
        check_cameras(self.cameras, spec)
        check_groups("state", self.state, spec.state)

    def missing(self, flat: Mapping[str, Any]) -> list[str]:
        """The keys of this dialect that an observation lacks, given as path to value."""
        return [key for key in (*self.cameras.values(), *self.state, self.prompt) if key not in flat]

    def write(self, observation: Observation, instruction: str, spec: RobotSpec) -> dict[str, Any]:
        """What a client of this dialect would send."""
        values: dict[str, Any] = {}
        for name, key in self.cameras.items():
            image = observation.images[name]
            values[key] = np.ascontiguousarray(image.transpose(2, 0, 1)) if self.nested else image
        values |= split(observation.state, self.state, spec.state)
        values[self.prompt] = instruction
        return _nested(values) if self.nested else values


def read_openpi(
    given: object, spec: RobotSpec, mappings: Sequence[OpenpiMapping], stamp_s: float
) -> tuple[Observation, str]:
    """What an openpi client sent, in the first of ``mappings`` whose keys are all there.

    Args:
        given: Restored by :mod:`vla.bridge.ndarrays`.
        spec: The robot.
        mappings: At least one, each checked against ``spec``.
        stamp_s: When it arrived; openpi sends no time.

    Raises:
        ContractError: a key is missing, or a value is not what ``spec`` says; both are named.
    """
    flat = _flat(table("the observation", given))
    mapping = next((each for each in mappings if not each.missing(flat)), None)
    if mapping is None:
        wanted = ", or ".join(" and ".join(each.missing(flat)) for each in mappings)
        raise CodecError(f"missing {wanted}; got {', '.join(sorted(flat)[:16]) or 'nothing'}")
    images = {name: _picture(key, flat[key], spec.cameras[name]) for name, key in mapping.cameras.items()}
    parts = {key: numbers(key, flat[key]) for key in mapping.state}
    observation = Observation(images, join(parts, mapping.state, spec.state), stamp_s)
    observation.check(spec)
    return observation, words(mapping.prompt, flat[mapping.prompt])


def _picture(key: str, value: object, size: tuple[int, int]) -> NDArray[np.uint8]:
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        if value.shape == (*size, 3):
            return value
        if value.shape == (3, *size):
            return np.ascontiguousarray(value.transpose(1, 2, 0))
    raise CodecError(f"{key!r} is {kind(value)}, expected uint8 {(*size, 3)} or {(3, *size)}")


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """Path to value; a map in a map in a map stays one value, which no field fits."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        if not isinstance(value, dict):
            inner = {key: value}
        else:
            inner = {f"{key}/{name}": item for name, item in cast(dict[str, Any], value).items()}
        if twice := flat.keys() & inner.keys():
            raise CodecError(f"{sorted(twice)} is there both nested and flat")
        flat |= inner
    return flat


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        head, _, tail = key.partition("/")
        if tail:
            nested.setdefault(head, {})[tail] = value
        else:
            nested[head] = value
    return nested
