from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla.conformance import check_driver
from vla.contract import Axis, ContractError, RobotSpec
from vla.drivers.mock import MockDriver
from vla.runtime.clock import SimulatedClock

_TOOL = (Axis("tool_x", "m", 0.2, 0.7, 0.5), Axis("gripper_gap", "m", 0.0, 0.08, 0.2))
SPEC = RobotSpec("tiny", _TOOL, (Axis("joint_1", "rad", 0.5, 2.0), *_TOOL), {"front": (16, 12)}, 20.0)
DELTA = replace(
    SPEC,
    action=(Axis("tool_x", "m", -0.02, 0.02, 0.4), Axis("gripper_gap", "m", -0.01, 0.01, 0.2)),
    semantics="delta_tool",
)


@pytest.mark.parametrize("spec", [SPEC, DELTA])
def test_the_mock_is_a_driver(spec: RobotSpec) -> None:
    check_driver(lambda: MockDriver(spec, SimulatedClock()))


def test_it_reaches_a_far_goal_at_its_rate() -> None:
    with MockDriver(SPEC, SimulatedClock()) as driver:
        ticks = 0
        while driver.read().state[1] < 0.7 - 1e-6:
            driver.write(SPEC.action_high)
            ticks += 1
        assert ticks == int(np.ceil(0.25 / SPEC.action_max_step[0]))
        assert driver.read().state[0] == 0.5


def test_the_picture_shows_the_position_and_nothing_else() -> None:
    with MockDriver(SPEC, SimulatedClock()) as driver:
        here = driver.read().images["front"]
        assert np.array_equal(here, driver.read().images["front"])
        driver.write(SPEC.action_low)
        driver.write(SPEC.action_low)
        assert not np.array_equal(here, driver.read().images["front"])


def test_deltas_add_up_and_stop_at_the_end_of_the_range() -> None:
    with MockDriver(DELTA, SimulatedClock()) as driver:
        total = sum(driver.write(DELTA.action_high)[0] for _ in range(40))
        assert total == pytest.approx(0.25, abs=1e-6)
        assert driver.read().state[1] == pytest.approx(0.7)


def test_a_closed_driver_says_so() -> None:
    driver = MockDriver(SPEC, SimulatedClock())
    driver.close()
    for verb in (driver.read, driver.hold, lambda: driver.write(SPEC.action_low)):
        with pytest.raises(ContractError, match="closed"):
            verb()


def test_delta_axes_without_a_state_are_refused() -> None:
    with pytest.raises(ContractError, match="same names"):
        MockDriver(replace(DELTA, state=(Axis("joint_1", "rad", 0.5, 2.0),)), SimulatedClock())
