"""The simulated arm behind the same Driver contract as a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.world import World
from vla.contract import ContractError, Observation, RobotSpec


class LazyPictures(Mapping[str, NDArray[np.uint8]]):
    """A world's pictures, drawn when the first of them is looked at."""

    def __init__(self, world: World) -> None:
        self._world, self._stamp_s = world, world.time_s
        self._drawn: Mapping[str, NDArray[np.uint8]] | None = None

    def __getitem__(self, name: str) -> NDArray[np.uint8]:
        if self._drawn is None:
            if self._world.time_s != self._stamp_s:
                raise ContractError(f"image {name!r} of {self._stamp_s} s was not looked at in time")
            self._drawn = self._world.pictures()
        return self._drawn[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._world.spec.cameras)

    def __len__(self) -> int:
        return len(self._world.spec.cameras)


class MujocoDriver:
    """Drives a :class:`~sim.world.World` one control period per ``write`` or ``hold``.

    Args:
        world: A world that has been reset; the driver closes it.
        stamps: "simulated" stamps observations with the world's own clock (lock-step runs); "wall" with the
            monotonic clock of this process (real-time runs, where the control loop paces the writes).
        lazy: Draw an observation's pictures when they are first looked at, which must be before the next
            ``write`` or ``hold``: most ticks of an evaluation need none.
    """

    def __init__(self, world: World, stamps: str = "simulated", lazy: bool = False) -> None:
        if stamps not in ("simulated", "wall"):
            raise ContractError(f"stamps {stamps!r} is not one of simulated, wall")
        self._world, self._wall, self._lazy = world, stamps == "wall", lazy

    @property
    def spec(self) -> RobotSpec:
        return self._world.spec

    def read(self) -> Observation:
        """What the robot senses now."""
        world = self._world
        stamp_s = time.monotonic() if self._wall else world.time_s
        images = LazyPictures(world) if self._lazy else world.pictures()
        return Observation(images, world.proprioception(), stamp_s)

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Advance one control period towards ``action`` (4,); returns what was sent after limits.

        Raises:
            ContractError: wrong shape or dtype, or not finite.
        """
        if action.shape != (len(self.spec.action),) or action.dtype != np.float32:
            raise ContractError(
                f"action is {action.dtype} {action.shape}, expected float32 {(len(self.spec.action),)}"
            )
        if not np.isfinite(action).all():
            raise ContractError(f"action {action} holds a value that is not finite")
        return self._world.step(action)

    def hold(self) -> NDArray[np.float32]:
        """Advance one control period and stay."""
        return self._world.hold()

    def close(self) -> None:
        """Close the world; twice is fine."""
        self._world.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
