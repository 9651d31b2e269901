"""When injected faults strike, the dice they roll, and the count of what they did."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from vla.runtime.clock import Clock
from vla.runtime.faults import Fault

ODD = (np.nan, np.inf, -np.inf, 1e38)
"""Numbers that no robot and no policy means."""


class DriverFault(OSError):  # noqa: N818  (the name is what happened)
    """The robot does not answer: an injected fault, of the family that a broken serial line raises."""


class ModelFault(RuntimeError):  # noqa: N818  (the name is what happened)
    """A policy or planner fails, as an injected fault."""


class Injection:
    """The faults of one wrapper: which strike now, their dice, and how often they did.

    Each fault has dice of its own, so that what it does depends on the seed and on itself, and not on what
    else is injected.
    """

    def __init__(self, faults: Iterable[Fault], components: tuple[str, ...], clock: Clock, seed: int) -> None:
        """Keep those of ``faults`` that belong to ``components``; time starts with :meth:`begin`."""
        self.faults = tuple(fault for fault in faults if fault.component in components)
        self.clock = clock
        self.injected: dict[str, int] = {str(fault): 0 for fault in self.faults}
        self._seed = seed
        self._began_s: float | None = None
        self._dice: dict[Fault, np.random.Generator] = {}

    def begin(self) -> None:
        """The run starts now: windows count from here, and all dice are as new."""
        self._began_s = self.clock.now_s()
        self._dice.clear()

    def dice(self, fault: Fault) -> np.random.Generator:
        """The random numbers of one fault."""
        if fault not in self._dice:
            self._dice[fault] = np.random.default_rng([self._seed, zlib.crc32(str(fault).encode())])
        return self._dice[fault]

    def strikes(self, component: str, *verbs: str) -> list[Fault]:
        """The faults of ``component`` with one of ``verbs`` (any, when none is given) that strike now.

        Each is counted; an intermittent one is rolled for. The first call starts the run unless :meth:`begin`
        has.
        """
        if self._began_s is None:
            self.begin()
        assert self._began_s is not None
        elapsed_s = self.clock.now_s() - self._began_s
        struck = [
            fault
            for fault in self.faults
            if fault.component == component
            and (not verbs or fault.verb in verbs)
            and fault.active(elapsed_s)
            and (fault.verb != "intermittent" or self.dice(fault).random() < fault.size)
        ]
        for fault in struck:
            self.injected[str(fault)] += 1
        return struck
