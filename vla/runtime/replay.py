"""Sends a recorded run's actions to a robot again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla.contract import ContractError, Driver
from vla.runtime.clock import Clock
from vla.runtime.limits import ActionLimiter, position_of
from vla.runtime.recording import Recording


def replay(driver: Driver, recording: Recording, clock: Clock) -> NDArray[np.float32]:
    """Send what was sent, row by row at the control rate, through the limiter; the robot holds afterwards.

    Nothing is done about what stands in the way now: clear the table as it was, and keep a hand on the stop.
    The limiter lets the arm reach the first row at its legal speed, wherever it is. A row more than half a
    period late delays those after it; none is skipped or sent in a burst.

    Args:
        driver: The robot, opened by the caller, who also closes it.
        recording: A run of such a robot.
        clock: What ``driver`` is paced by.

    Returns:
        Largest distance of each state axis from the recording, in the axis's unit, shape (S,).

    Raises:
        ContractError: the recording is of another robot.
    """
    spec = driver.spec
    if lines := spec.differences(recording.spec):
        raise ContractError("the recording is of another robot:\n  " + "\n  ".join(lines))
    limiter = ActionLimiter(spec)
    deviation = np.zeros(len(spec.state), np.float32)
    limiter.start(position_of(spec, driver.hold(), driver.read().state))
    due_s = clock.now_s()
    try:
        for state, action, held in zip(recording.state, recording.sent, recording.held, strict=True):
            np.maximum(deviation, np.abs(driver.read().state - state), out=deviation)
            now_s = clock.now_s()
            at_rest = limiter.at_rest
            command = limiter.brake() if held else limiter.apply(action)
            if held and at_rest:
                driver.hold()
            else:
                limiter.sent(driver.write(command))
            due_s = (now_s if now_s - due_s > spec.dt_s / 2 else due_s) + spec.dt_s
            clock.sleep_until(due_s)
    finally:
        driver.hold()
    return deviation
