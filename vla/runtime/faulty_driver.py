"""A robot with faults: any driver, whose cameras, sensors and commands fail as asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vla.contract import Driver, Observation, RobotSpec
from vla.runtime.clock import Clock
from vla.runtime.faults import Fault, check_faults
from vla.runtime.injection import ODD, DriverFault, Injection

_LARGEST = 1e3
_SAME_TIME_S = 1e-6


class FaultyDriver:
    """A :class:`~vla.contract.Driver` around another, with its ``camera``, ``state`` and ``driver`` faults.

    Outside every fault's window all passes through untouched; nothing the inner driver gave is ever changed
    in place.
    """

    def __init__(self, driver: Driver, faults: Iterable[Fault], clock: Clock, seed: int = 0) -> None:
        """Wrap ``driver``.

        Args:
            driver: Any driver; closing this one closes it.
            faults: Those of other components are ignored.
            clock: The control loop's. Windows count from the first read, write or hold.
            seed: Of all that is random here.

        Raises:
            ContractError: a fault names a camera or a state axis that the driver lacks.
        """
        self._driver = driver
        self._injection = Injection(faults, ("camera", "state", "driver"), clock, seed)
        self._spec = driver.spec
        check_faults(self._injection.faults, self._spec)
        self._past: deque[tuple[float, Observation]] = deque()
        delays_s = [fault.size for fault in self._injection.faults if fault.verb == "delayed"]
        self._memory_s = max(delays_s, default=0.0)
        self._kept: dict[Fault, tuple[float, Observation]] = {}

    @property
    def spec(self) -> RobotSpec:
        """The inner driver's."""
        return self._spec

    @property
    def injected(self) -> Mapping[str, int]:
        """How often each fault has struck so far, by the fault in its own grammar."""
        return self._injection.injected

    def read(self) -> Observation:
        """What the inner driver senses, falsified.

        Raises:
            DriverFault: the driver is off, or intermittently so.
        """
        self._disturb("read")
        seen = self._driver.read()
        self._remember(seen)
        strikes = self._injection.strikes
        for fault in [*strikes("driver", "delayed"), *strikes("camera"), *strikes("state")]:
            seen = self._falsified(fault, seen)
        return seen

    def write(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send ``action`` (A,), or what the faults make of it; returns what the driver claims it sent.

        Raises:
            DriverFault: the driver is off, or intermittently so.
            ContractError: as the inner driver.
        """
        self._disturb("write")
        for fault in self._injection.strikes("driver", "wrong"):
            span = self._spec.action_high - self._spec.action_low
            action = (action + fault.size * span).astype(np.float32)
        if self._injection.strikes("driver", "stuck"):
            self._driver.hold()
            sent = action.copy()
        else:
            sent = self._driver.write(action)
        return self._claimed(sent)

    def hold(self) -> NDArray[np.float32]:
        """Stay; as :meth:`write`."""
        self._disturb("hold")
        return self._claimed(self._driver.hold())

    def close(self) -> None:
        """Close the inner driver, whatever the faults; twice is fine."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _disturb(self, verb: str) -> None:
        """What befalls any call: it takes time, or it fails."""
        for fault in self._injection.strikes("driver", "slow"):
            self._injection.clock.sleep_until(self._injection.clock.now_s() + fault.size)
        for fault in self._injection.strikes("driver", "off", "intermittent"):
            raise DriverFault(f"{verb}: the robot does not answer (fault {fault})")

    def _claimed(self, sent: NDArray[np.float32]) -> NDArray[np.float32]:
        for fault in self._injection.strikes("driver", "garbage"):
            dice = self._injection.dice(fault)
            kind = dice.integers(len(ODD) + 1)
            sent = np.full_like(sent, ODD[kind]) if kind < len(ODD) else sent[:-1].copy()
        return sent

    def _remember(self, seen: Observation) -> None:
        if self._memory_s:
            self._past.append((self._injection.clock.now_s(), seen))
            while len(self._past) > 1 and self._age_s(self._past[1]) >= self._memory_s - _SAME_TIME_S:
                self._past.popleft()

    def _age_s(self, moment: tuple[float, Observation]) -> float:
        return self._injection.clock.now_s() - moment[0]

    def _falsified(self, fault: Fault, seen: Observation) -> Observation:
        past = self._past_shown(fault, seen)
        if fault.component == "driver":
            return past or seen
        if fault.component == "camera":
            names = [fault.name] if fault.name else sorted(self._spec.cameras)
            parts = {name: past.images[name] if past else self._image(fault, name, seen) for name in names}
            return replace(seen, images={**seen.images, **parts})
        state = past.state if past else self._state(fault, seen.state)
        chosen = [fault.name in ("", axis.name) for axis in self._spec.state]
        return replace(seen, state=np.where(chosen, state, seen.state))

    def _past_shown(self, fault: Fault, seen: Observation) -> Observation | None:
        """The earlier observation that takes the place of ``seen``; None for faults that need none."""
        if fault.verb == "delayed":
            return self._older(fault)
        return self._held(fault, seen) if fault.verb in ("stuck", "slow") else None

    def _older(self, fault: Fault) -> Observation:
        """What was sensed ``fault.amount`` ago; the oldest that is remembered while that is younger."""
        old = [moment for moment in self._past if self._age_s(moment) >= fault.size - _SAME_TIME_S]
        return (old[-1] if old else self._past[0])[1]

    def _held(self, fault: Fault, seen: Observation) -> Observation:
        """What was sensed when a stuck fault began, or when a slow one last let something through."""
        kept = self._kept.get(fault)
        if kept is None or (fault.verb == "slow" and self._age_s(kept) >= fault.size - _SAME_TIME_S):
            kept = self._kept[fault] = (self._injection.clock.now_s(), seen)
        return kept[1]

    def _image(self, fault: Fault, name: str, seen: Observation) -> NDArray[np.uint8]:
        image = seen.images[name]
        if fault.verb == "garbage":
            return self._injection.dice(fault).integers(0, 256, image.shape, np.uint8)
        if fault.verb != "wrong":
            return np.zeros_like(image)
        names = sorted(self._spec.cameras)
        if len(names) == 1:
            return np.ascontiguousarray(image[:, ::-1])
        other = seen.images[names[(names.index(name) + 1) % len(names)]]
        rows, columns = (np.arange(n) * m // n for n, m in zip(image.shape[:2], other.shape[:2], strict=True))
        return other[np.ix_(rows, columns)]

    def _state(self, fault: Fault, state: NDArray[np.float32]) -> NDArray[np.float32]:
        low = np.array([max(axis.low, -_LARGEST) for axis in self._spec.state])
        high = np.array([min(axis.high, _LARGEST) for axis in self._spec.state])
        if fault.verb == "wrong":
            return (state + fault.size * (high - low)).astype(np.float32)
        if fault.verb == "garbage":
            dice = self._injection.dice(fault)
            odd = dice.random(len(state)) < 1 / 4
            return np.where(odd, dice.choice(ODD, len(state)), dice.uniform(low, high)).astype(np.float32)
        return np.zeros_like(state)
