"""How well the loop keeps time: counted while it runs, summarised when asked."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from vla.contract import Observation

_WINDOW = 4096


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """A summary of a control loop so far.

    Attributes:
        ticks: Control periods carried out.
        holds: Ticks at which nothing was due and the robot stayed where it was.
        missed_ticks: Control periods that an overrun swallowed; they are skipped, never caught up.
        period_mean_s, period_p99_s, period_max_s: Time between starts of consecutive ticks, over the last
            4096.
        control_rate_hz: 1 / mean period; 0 before the second tick.
        chunks: Chunks accepted.
        chunk_latency_p50_s, chunk_latency_p95_s: Wall time from asking to receiving, over the last 4096
            chunks.
        deadlines_missed: Chunk requests given up because no answer came in time.
        refused_chunks: Chunks refused whole by the limiter.
        stale_chunks: Chunks for an instruction or from an observation that was no longer the newest, or that
            came after their last row was due.
        errors: Error replies from the model side.
        dropped_replies: Late, duplicate or reordered replies that the link threw away.
        clipped: Commands that the limits had to change.
        bad_readings: Ticks at which the driver could not be read, or sensed what no robot can.
        old_observations: Ticks at which what was sensed was too old to ask about.
        observation_age_s: How much older the latest observation was than the youngest so far.
        chunk_age_s: Time since the observation that the current chunk answers; 0 without a chunk.
        last_error: The latest refusal or error in words; empty when there was none.
    """

    ticks: int = 0
    holds: int = 0
    missed_ticks: int = 0
    period_mean_s: float = 0.0
    period_p99_s: float = 0.0
    period_max_s: float = 0.0
    control_rate_hz: float = 0.0
    chunks: int = 0
    chunk_latency_p50_s: float = 0.0
    chunk_latency_p95_s: float = 0.0
    deadlines_missed: int = 0
    refused_chunks: int = 0
    stale_chunks: int = 0
    errors: int = 0
    dropped_replies: int = 0
    clipped: int = 0
    bad_readings: int = 0
    old_observations: int = 0
    observation_age_s: float = 0.0
    chunk_age_s: float = 0.0
    last_error: str = ""


@dataclass(slots=True)
class HealthMeter:
    """Counts what :class:`LoopHealth` reports. Fields are the counters of the same name."""

    ticks: int = 0
    holds: int = 0
    missed_ticks: int = 0
    chunks: int = 0
    deadlines_missed: int = 0
    refused_chunks: int = 0
    stale_chunks: int = 0
    errors: int = 0
    clipped: int = 0
    bad_readings: int = 0
    old_observations: int = 0
    observation_age_s: float = 0.0
    chunk_age_s: float = 0.0
    last_error: str = ""
    _periods_s: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    _latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    _last_start_s: float | None = None

    def tick(self, start_s: float) -> None:
        """A control period began at ``start_s``."""
        if self._last_start_s is not None:
            self._periods_s.append(start_s - self._last_start_s)
        self._last_start_s = start_s
        self.ticks += 1

    def chunk(self, latency_s: float) -> None:
        """A chunk was accepted, ``latency_s`` after it had been asked for."""
        self.chunks += 1
        self._latencies_s.append(latency_s)

    def summary(self, dropped_replies: int) -> LoopHealth:
        """The summary as of now."""
        periods = np.array(self._periods_s) if self._periods_s else np.zeros(1)
        latencies = np.array(self._latencies_s) if self._latencies_s else np.zeros(1)
        mean_s = float(periods.mean())
        return LoopHealth(
            ticks=self.ticks,
            holds=self.holds,
            missed_ticks=self.missed_ticks,
            period_mean_s=mean_s,
            period_p99_s=float(np.percentile(periods, 99)),
            period_max_s=float(periods.max()),
            control_rate_hz=1.0 / mean_s if mean_s > 0 else 0.0,
            chunks=self.chunks,
            chunk_latency_p50_s=float(np.percentile(latencies, 50)),
            chunk_latency_p95_s=float(np.percentile(latencies, 95)),
            deadlines_missed=self.deadlines_missed,
            refused_chunks=self.refused_chunks,
            stale_chunks=self.stale_chunks,
            errors=self.errors,
            dropped_replies=dropped_replies,
            clipped=self.clipped,
            bad_readings=self.bad_readings,
            old_observations=self.old_observations,
            observation_age_s=self.observation_age_s,
            chunk_age_s=self.chunk_age_s,
            last_error=self.last_error,
        )


class AgeMeter:
    """How old observations are, on a clock that may differ from the one that stamped them.

    Only differences on the loop's own clock are compared: the least lag ever seen between a stamp and its
    arrival counts as none.
    """

    def __init__(self) -> None:
        self._least_lag_s = math.inf

    def age_s(self, observation: Observation, now_s: float) -> float:
        """Seconds that ``observation``, just read at ``now_s``, has aged beyond the youngest one so far."""
        lag_s = now_s - observation.stamp_s
        self._least_lag_s = min(self._least_lag_s, lag_s)
        return lag_s - self._least_lag_s
