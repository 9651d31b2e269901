"""A thing put into the hand at once is held, whatever its shape, and nothing else has moved."""

from __future__ import annotations

import numpy as np

from sim.goals import TEMPLATES
from sim.goals.world import GoalWorld
from sim.holding import close_around


def test_both_fingers_touch_and_the_thing_stays_in_the_hand() -> None:
    shapes = set()
    with GoalWorld(32, render=False) as world:
        for seed in range(4):
            world.lay(TEMPLATES["tidy_table"], 250_000 + seed)
            before = world.truth().position_m.copy()
            for row, name in world.goal.names.items():
                if world.symbols().on(row) >= 0 or world.symbols().where[row] == "drawer":
                    continue
                world.lay(TEMPLATES["tidy_table"], 250_000 + seed)
                gap_m = close_around(world, row, np.array([0.5, 0.0, 0.25]))
                truth = world.truth()
                assert truth.held == row, name
                assert 0.028 < gap_m < 0.058
                others = [other for other in world.goal.names if other != row]
                assert np.allclose(truth.position_m[others], before[others], atol=1e-3)
                assert np.linalg.norm(truth.position_m[row] - truth.tool_m) < 0.02
                shapes.add(name.split()[1])
    assert len(shapes) >= 3
