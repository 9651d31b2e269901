import json

import numpy as np
import torch

from policies.normalisation import Normalisation, joint_axes, relative_axes, tool_position
from vla.contract import RobotSpec


def fitted(robot: RobotSpec) -> tuple[Normalisation, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    states = rng.normal(size=(500, 11)).astype(np.float32)
    actions = rng.normal(size=(500, 6, 4)).astype(np.float32) * 0.1
    actions[..., :3] += states[:, None, 7:10]
    valid = np.ones((500, 6), bool)
    valid[::3, 4:] = False
    actions[::3, 4:] = 1e3
    places = np.array([[0, 0, 0], [1, 1, 1], [np.nan, 0, 0]], np.float32)
    scales = Normalisation.fit(relative_axes(robot), actions, valid, states, places)
    return scales, torch.from_numpy(actions[1::3]), torch.from_numpy(states[1::3])


def test_names_decide_what_is_relative(robot: RobotSpec) -> None:
    assert relative_axes(robot) == ((0, 7), (1, 8), (2, 9))
    assert joint_axes(robot) == tuple(range(7))


def test_relative_actions_invert(robot: RobotSpec) -> None:
    scales, actions, state = fitted(robot)
    torch.testing.assert_close(
        scales.decode(scales.encode(actions, state), state), actions, atol=1e-6, rtol=0
    )


def test_moving_robot_and_target_together_changes_nothing(robot: RobotSpec) -> None:
    scales, actions, state = fitted(robot)
    moved, shifted = actions.clone(), state.clone()
    moved[..., :3] += 0.25
    shifted[:, 7:10] += 0.25
    torch.testing.assert_close(
        scales.encode(moved, shifted), scales.encode(actions, state), atol=1e-4, rtol=0
    )


def test_valid_rows_are_standardised_and_rows_past_the_end_ignored(robot: RobotSpec) -> None:
    scales, actions, state = fitted(robot)
    chunks = scales.encode(actions, state)
    assert chunks.mean(0).abs().max() < 0.3
    assert (chunks.std(0) - 1).abs().max() < 0.3
    np.testing.assert_allclose(scales.place_mean, 0.5)


def test_json_keeps_every_bit(robot: RobotSpec) -> None:
    scales, actions, state = fitted(robot)
    again = Normalisation.from_dict(json.loads(json.dumps(scales.to_dict())))
    assert torch.equal(again.encode(actions, state), scales.encode(actions, state))


def test_the_tool_is_found_by_name(robot: RobotSpec) -> None:
    state = torch.arange(11.0)[None]
    assert tool_position(robot, state).tolist() == [[7.0, 8.0, 9.0]]
