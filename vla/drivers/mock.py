"""A robot made of arithmetic: it goes where it is told at its rate limits, and draws what it does."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, Observation, RobotSpec


class _Clock(Protocol):
    def now_s(self) -> float: ...


class MockDriver:
    """A :class:`~vla.contract.Driver` without kinematics, for any spec.

    A state axis that bears an action axis's name follows it; every other state axis rests at the value
    nearest to zero that its limits allow. Images are drawn from the position alone: same position, same
    bytes.
    """

    def __init__(self, spec: RobotSpec, clock: _Clock) -> None:
        """Power on in the middle of the range; with delta semantics, of the state's range.

        Args:
            spec: What to pretend to be.
            clock: Stamps the observations.
        """
        self._spec = spec
        self._clock = clock
        self._closed = False
        self._is_delta = spec.semantics == "delta_tool"
        self._state = np.array([np.clip(0.0, axis.low, axis.high) for axis in spec.state], np.float32)
        names = [axis.name for axis in spec.state]
        self._moved = [names.index(axis.name) if axis.name in names else None for axis in spec.action]
        bounds = spec.action if not self._is_delta else [spec.state[i] for i in self._moved if i is not None]
        self._low = np.array([axis.low for axis in bounds], np.float32)
        self._high = np.array([axis.high for axis in bounds], np.float32)
        if len(self._low) != len(spec.action):
            raise ContractError(
                f"delta actions {[a.name for a in spec.action]} need state axes of the same names"
            )
        self._position = ((self._low + self._high) / 2).astype(np.float32)

    @property
    def spec(self) -> RobotSpec:
        """The spec it was made with."""
        return self._spec

    def read(self) -> Observation:
        """The position, and a picture of it per camera, stamped now.

        Raises:
            ContractError: the driver is closed.
        """
        self._require_open()
        state = self._state.copy()
        for value, index in zip(self._position, self._moved, strict=True):
            if index is not None:
                state[index] = value
        images = {name: self._draw(size) for name, size in self._spec.cameras.items()}
        return Observation(images, state, self._clock.now_s())

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Go towards ``action``, no faster than ``max_rate``; returns what was sent after limits.

        Raises:
            ContractError: wrong shape or dtype, a value that is not finite, or the driver is closed.
        """
        self._require_open()
        width = len(self._spec.action)
        if action.shape != (width,) or action.dtype != np.float32 or not np.isfinite(action).all():
            raise ContractError(
                f"action is {action.dtype} {action.tolist()}, expected {width} finite float32"
            )
        step = self._spec.action_max_step
        if self._is_delta:
            change = np.clip(np.clip(action, self._spec.action_low, self._spec.action_high), -step, step)
            before = self._position
            self._position = np.clip(before + change, self._low, self._high)
            return (self._position - before).astype(np.float32)
        inside = np.clip(action, self._low, self._high)
        self._position = np.clip(inside, self._position - step, self._position + step).astype(np.float32)
        return self._position.copy()

    def hold(self) -> NDArray[np.float32]:
        """Stay; returns the present position, or zeros with delta semantics.

        Raises:
            ContractError: the driver is closed.
        """
        self._require_open()
        return np.zeros_like(self._position) if self._is_delta else self._position.copy()

    def close(self) -> None:
        """Power off; twice is fine."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise ContractError(f"driver of {self._spec.name!r} is closed")

    def _draw(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """A grey gradient with a square: first axis to the right, second up, third as its brightness."""
        height, width = size
        image = np.empty((height, width, 3), np.uint8)
        image[:] = np.linspace(40, 120, height).astype(np.uint8)[:, None, None]
        share = np.resize((self._position - self._low) / (self._high - self._low), 3)
        half = max(1, min(height, width) // 16)
        row = int((1 - share[1]) * (height - 1))
        column = int(share[0] * (width - 1))
        brightness = int(128 + 127 * share[2])
        image[max(0, row - half) : row + half, max(0, column - half) : column + half] = (brightness, 60, 30)
        return image
