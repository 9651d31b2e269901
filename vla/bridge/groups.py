"""What foreign clients send, value by value: axes in named groups, numbers, words, maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vla.bridge.ndarrays import CodecError
from vla.contract import Axis, ContractError, RobotSpec

Groups = Mapping[str, tuple[str, ...]]
"""A foreign key to the names of the axes in it, in order."""

MAX_WORDS_CHARS = 4096


def check_cameras(cameras: Mapping[str, str], spec: RobotSpec) -> None:
    """Raise :class:`ContractError` unless ``cameras`` has a key for each camera of ``spec``, and no other."""
    if cameras.keys() != spec.cameras.keys():
        raise ContractError(
            f"the mapping is of cameras {sorted(cameras)}, the robot has {sorted(spec.cameras)}"
        )


def check_groups(what: str, groups: Groups, axes: tuple[Axis, ...]) -> None:
    """Raise :class:`ContractError` unless every one of ``axes`` is in ``groups`` exactly once."""
    mapped = sorted(name for names in groups.values() for name in names)
    if mapped != sorted(axis.name for axis in axes):
        raise ContractError(
            f"the mapping is of {what} axes {mapped}, the robot has {[axis.name for axis in axes]}"
        )


def split(
    values: NDArray[np.float32], groups: Groups, axes: tuple[Axis, ...]
) -> dict[str, NDArray[np.float32]]:
    """Each group's part of ``values``, shape (..., A): (..., D), contiguous."""
    names = [axis.name for axis in axes]
    return {
        key: np.ascontiguousarray(values[..., [names.index(name) for name in inside]])
        for key, inside in groups.items()
    }


def join(
    parts: Mapping[str, NDArray[np.float32]], groups: Groups, axes: tuple[Axis, ...]
) -> NDArray[np.float32]:
    """The inverse of :func:`split`.

    Raises:
        CodecError: a part is not as wide as its group, or the parts differ in their other axes.
    """
    for key, part in parts.items():
        if part.shape[-1] != len(groups[key]):
            raise CodecError(f"{key!r} holds {part.shape[-1]} numbers, expected {len(groups[key])}")
    if len({part.shape[:-1] for part in parts.values()}) != 1:
        raise CodecError(f"the groups {sorted(parts)} differ in length")
    inside = [name for key in parts for name in groups[key]]
    joined = np.concatenate(list(parts.values()), axis=-1)
    return np.ascontiguousarray(joined[..., [inside.index(axis.name) for axis in axes]])


def numbers(key: str, value: object, axes: int = 1) -> NDArray[np.float32]:
    """``value``, an array of ``axes`` axes and any dtype but uint8, as float32.

    Raises:
        CodecError: it is something else; ``key`` names it.
    """
    if not isinstance(value, np.ndarray) or value.ndim != axes or value.dtype == np.uint8:
        raise CodecError(f"{key!r} is {kind(value)}, expected numbers with {axes} axes")
    with np.errstate(
        over="ignore"
    ):  # too large becomes inf, which is refused by name where values are judged
        return cast(NDArray[np.float32], value.astype(np.float32))


def words(key: str, value: object) -> str:
    """``value``, text of 1 to 4096 characters, else :class:`CodecError` by ``key``."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_WORDS_CHARS:
        raise CodecError(f"{key!r} must be text of 1..{MAX_WORDS_CHARS} characters")
    return value


def table(what: str, value: object) -> dict[str, Any]:
    """``value``, a map, else :class:`CodecError` by ``what``."""
    if not isinstance(value, dict):
        raise CodecError(f"{what} is {kind(value)}, expected a map")
    return cast(dict[str, Any], value)


def kind(value: object) -> str:
    """Dtype and shape of an array, else the type's name, for error messages."""
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
