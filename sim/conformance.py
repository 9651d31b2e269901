"""The test that proves an implementation of :class:`sim.tasks.task.Task`, callable on any task."""

from __future__ import annotations

import numpy as np

from sim.expert import ScriptedExpert
from sim.randomise import Randomise
from sim.tasks.task import Task
from sim.world import World


def check_task(task: Task, world: World, seed: int = 1_000_000) -> int:
    """Assert the laws every task obeys.

    The same seed lays the same scene; no scene starts fulfilled; what is asked refers to something present;
    the expert fulfils it within the horizon without leaving the action range.

    Args:
        task: The task, registered in :data:`sim.tasks.TASKS`.
        world: Where to try it.
        seed: Scene to try it on.

    Returns:
        Control steps the expert took.

    Raises:
        AssertionError: a law is broken.
    """
    first = world.reset(task.family, seed, Randomise())
    before = world.proprioception(), world.entities()
    again = world.reset(task.family, seed, Randomise())
    assert first == again, "the same seed gives another scenario"
    assert all(map(np.array_equal, before, (world.proprioception(), world.entities()))), "the scene differs"
    query, truth = first.queries[0], world.truth()
    assert first.task == query.family == task.family
    assert first.instruction.strip(), "the instruction is empty"
    assert np.isfinite(truth.position_m[query.target]).all(), "the target is absent"
    assert task.success(truth, query) is False, "the scene starts fulfilled, or success is no bool"
    expert, low, high = ScriptedExpert(world), world.spec.action_low, world.spec.action_high
    for step in range(task.horizon):
        action = expert.action()
        assert ((action >= low - 1e-6) & (action <= high + 1e-6)).all(), f"action {action} leaves the range"
        world.step(action)
        if world.success():
            return step + 1
    raise AssertionError(f"the expert did not fulfil {first.instruction!r} in {task.horizon} steps")
