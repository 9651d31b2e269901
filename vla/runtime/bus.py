"""The driver as the control loop uses it: short faults are ridden through, longer ones stop the arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, Driver, Observation
from vla.runtime.health import HealthMeter
from vla.runtime.supervisor import Supervisor

_T = TypeVar("_T")
FAULTS = (OSError, ContractError)
"""What a driver raises when the bus failed or the reading makes no sense."""


class Bus:
    """Reads and writes a driver; faults become missing values, and a protective stop when they last.

    A fault or two in a row are ridden through with the last goal, since buses lose a packet now and then.
    """

    def __init__(
        self, driver: Driver, supervisor: Supervisor, meter: HealthMeter, tolerated: int = 2
    ) -> None:
        """Wrap ``driver``; more than ``tolerated`` faults in a row are a protective stop."""
        self._driver = driver
        self._supervisor = supervisor
        self._meter = meter
        self._tolerated = tolerated
        # A robot may rest outside its limits, but not by more than their whole width.
        width = driver.spec.action_high - driver.spec.action_low
        self._least, self._most = driver.spec.action_low - width, driver.spec.action_high + width
        self._bad = {"read": 0, "write": 0}

    def read(self) -> Observation | None:
        """What the robot senses, its state finite and as the spec says; None when that is not to be had."""

        def checked() -> Observation:
            observation = self._driver.read()
            observation.check_state(self._driver.spec)
            return observation

        observation = self._try("read", checked)
        self._meter.bad_readings += observation is None
        return observation

    def write(self, command: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """What was really sent, shape (A,); None when nothing is known to have been."""
        return self._try("write", lambda: self._plausible(self._driver.write(command)))

    def hold(self) -> NDArray[np.float32] | None:
        """As :meth:`write`, for staying where the arm is."""
        return self._try("write", lambda: self._plausible(self._driver.hold()))

    def _plausible(self, sent: NDArray[np.float32]) -> NDArray[np.float32]:
        # Written so that a value that is not a number fails, too.
        if sent.shape != self._least.shape or not ((sent >= self._least) & (sent <= self._most)).all():
            raise ContractError(f"the driver says it sent {sent}, which this robot cannot have been sent")
        return sent

    def _try(self, verb: str, call: Callable[[], _T]) -> _T | None:
        try:
            value = call()
        except FAULTS as error:
            self._bad[verb] += 1
            self._meter.last_error = f"driver {verb}: {type(error).__name__}: {error}".splitlines()[0]
            if self._bad[verb] > self._tolerated:
                self._supervisor.protective_stop(self._meter.last_error)
            return None
        self._bad[verb] = 0
        return value
