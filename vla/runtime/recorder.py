"""Remembers a run tick by tick, and hands it over as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla.contract import RobotSpec
from vla.runtime.report import TickReport


@dataclass(frozen=True, slots=True)
class Recording:
    """N ticks of one run.

    Attributes:
        images: Camera name to uint8 RGB of shape (N, H, W, 3).
        state: float32 of shape (N, S).
        sent: What was really sent after each observation, float32 of shape (N, A).
        stamp_s: When each observation was sensed, float64 of shape (N,).
        held: Where the robot held because nothing was due, bool of shape (N,).
        instructions: The words in force at each tick, N in all; empty where there were none yet.
    """

    images: dict[str, NDArray[np.uint8]]
    state: NDArray[np.float32]
    sent: NDArray[np.float32]
    stamp_s: NDArray[np.float64]
    held: NDArray[np.bool_]
    instructions: tuple[str, ...]


class Recorder:
    """An ``on_tick`` consumer. Two 128-pixel cameras at 20 Hz take about 2 MB of memory per second."""

    def __init__(self, spec: RobotSpec) -> None:
        self._spec = spec
        self._ticks: list[TickReport] = []

    def __call__(self, report: TickReport) -> None:
        """Remember one tick."""
        self._ticks.append(report)

    def take(self) -> Recording:
        """Everything since the last call; the recorder is empty afterwards."""
        ticks, self._ticks = self._ticks, []
        count, spec = len(ticks), self._spec
        images = {name: np.zeros((count, *size, 3), np.uint8) for name, size in spec.cameras.items()}
        state = np.zeros((count, len(spec.state)), np.float32)
        sent = np.zeros((count, len(spec.action)), np.float32)
        for i, tick in enumerate(ticks):
            state[i], sent[i] = tick.observation.state, tick.sent
            for name, frames in images.items():
                frames[i] = tick.observation.images[name]
        stamps = np.array([tick.observation.stamp_s for tick in ticks], np.float64)
        held = np.array([tick.held for tick in ticks], np.bool_)
        return Recording(images, state, sent, stamps, held, tuple(tick.instruction or "" for tick in ticks))
