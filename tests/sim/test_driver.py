"""The simulated arm as a driver, and with faults injected into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from sim.driver import MujocoDriver
from sim.randomise import BASE
from sim.world import World
from vla.contract import Observation
from vla.runtime.clock import SimulatedClock
from vla.runtime.faults import FAULTS, parse_faults
from vla.runtime.faulty_driver import FaultyDriver
from vla.runtime.injection import DriverFault

OURS = [(c, verb) for c in ("camera", "state", "driver") for verb in FAULTS[c]]
TICKS, WINDOW = 9, range(3, 6)


@dataclass
class Trace:
    """Observations (None where the robot did not answer), what was claimed to be sent, times, the count."""

    seen: list[Observation | None] = field(default_factory=list)
    claimed: list[np.ndarray] = field(default_factory=list)
    began_s: list[float] = field(default_factory=list)
    injected: int = 0

    def bytes_at(self, ticks: range) -> list[bytes]:
        return [_bytes(self.seen[tick]) for tick in ticks]


def _bytes(seen: Observation | None) -> bytes:
    if seen is None:
        return b""
    pictures = b"".join(seen.images[name].tobytes() for name in sorted(seen.images))
    return seen.state.tobytes() + pictures + str(seen.stamp_s).encode()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(image_size=16) as made:
        yield made


@pytest.fixture(scope="module")
def truth(world: World) -> Trace:
    return drive(world, "")


def drive(world: World, faults: str) -> Trace:
    """Moves for a few ticks towards a goal that it does not reach."""
    world.reset("reach", 1_000_000, BASE)
    clock, trace = SimulatedClock(), Trace()
    driver = FaultyDriver(MujocoDriver(world), parse_faults(faults), clock, seed=1)
    goal = driver.hold() + np.array([0.3, 0.3, 0.1, -0.08], np.float32)
    for tick in range(TICKS):
        clock.sleep_until((tick + 0.5) * world.spec.dt_s)
        trace.began_s.append(clock.now_s())
        try:
            trace.seen.append(driver.read())
            trace.claimed.append(driver.write(goal))
        except DriverFault:
            trace.seen.append(None)
    trace.injected = sum(driver.injected.values())
    return trace


def _travelled_m(trace: Trace) -> float:
    first, last = trace.seen[WINDOW.start], trace.seen[WINDOW.stop]
    assert first is not None
    assert last is not None
    return float(np.linalg.norm(last.state[7:10] - first.state[7:10]))


def during(world: World, fault: str) -> str:
    return f"{fault}@{WINDOW.start * world.spec.dt_s:g}-{WINDOW.stop * world.spec.dt_s:g}"


@pytest.mark.parametrize(("component", "verb"), [row for row in OURS if row[0] != "driver"])
def test_the_simulated_arms_senses_fail_in_the_window_alone(world, truth, component: str, verb: str) -> None:
    share = ":0.9" if verb == "intermittent" else ""
    trace = drive(world, during(world, f"{component}={verb}{share}"))
    assert trace.bytes_at(range(WINDOW.start)) == truth.bytes_at(range(WINDOW.start))
    assert trace.bytes_at(WINDOW) != truth.bytes_at(WINDOW)
    assert trace.bytes_at(range(WINDOW.stop, TICKS)) == truth.bytes_at(range(WINDOW.stop, TICKS))
    assert trace.injected > 0


def driven(world: World, verb: str) -> Trace:
    trace = drive(world, during(world, f"driver={verb}"))
    assert trace.injected > 0
    return trace


ALL = range(TICKS)


@pytest.mark.parametrize("verb", ["off", "intermittent:0.9"])
def test_the_simulated_arm_is_silent_in_the_window_alone(world, truth, verb: str) -> None:
    trace = driven(world, verb)
    silent = [tick for tick, seen in enumerate(trace.seen) if seen is None]
    assert silent == list(WINDOW) or (verb != "off" and silent and set(silent) <= set(WINDOW))
    assert trace.bytes_at(range(WINDOW.start)) == truth.bytes_at(range(WINDOW.start))


def test_a_stuck_simulated_arm_stays_behind(world, truth) -> None:
    """It still runs after what was commanded before, as a servo does."""
    trace = driven(world, "stuck")
    assert _travelled_m(trace) < 0.75 * _travelled_m(truth)
    assert len({trace.claimed[tick].tobytes() for tick in WINDOW}) == 1


def test_a_simulated_arm_that_talks_nonsense_moves_as_told(world, truth) -> None:
    trace = driven(world, "garbage")
    assert trace.bytes_at(ALL) == truth.bytes_at(ALL)
    same = [np.array_equal(a, b) for a, b in zip(trace.claimed, truth.claimed, strict=True)]
    assert same == [tick not in WINDOW for tick in ALL]


def test_a_biased_command_stays_inside_the_simulated_arms_limits(world, truth) -> None:
    trace = driven(world, "wrong:0.2")
    assert trace.bytes_at(ALL) != truth.bytes_at(ALL)
    assert all((c <= world.spec.action_high + 1e-6).all() for c in trace.claimed)


def test_an_old_reading_of_the_simulated_arm_bears_its_old_stamp(world, truth) -> None:
    old = range(WINDOW.start - 2, WINDOW.stop - 2)
    assert driven(world, "delayed:0.1").bytes_at(WINDOW) == truth.bytes_at(old)


def test_a_slow_simulated_arm_takes_its_time_and_is_otherwise_the_same(world, truth) -> None:
    trace = driven(world, "slow:0.03")
    assert trace.bytes_at(ALL) == truth.bytes_at(ALL)
    assert max(np.diff(trace.began_s)) > max(np.diff(truth.began_s)) + 0.005
