from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from policies.flow import FlowConfig, FlowMatching
from policies.network_policy import NetworkPolicy, load_policy
from vla.conformance import check_policy
from vla.contract import (
    ActRequest,
    BatchPolicy,
    ContractError,
    Observation,
    Policy,
    Prefix,
    RobotSpec,
    SuccessDetector,
)


@pytest.fixture
def policy(trained: Path) -> NetworkPolicy:
    return load_policy(trained, device="cpu", threads=1)


def see(robot: RobotSpec, seed: int = 0) -> Observation:
    rng = np.random.default_rng(seed)
    images = {name: rng.integers(0, 256, (*size, 3), dtype=np.uint8) for name, size in robot.cameras.items()}
    return Observation(images, rng.normal(size=len(robot.state)).astype(np.float32), stamp_s=12.5)


def test_it_keeps_the_contract(policy: NetworkPolicy, robot: RobotSpec) -> None:
    assert isinstance(policy, Policy)
    assert isinstance(policy, BatchPolicy)
    assert isinstance(policy, SuccessDetector)
    assert policy.spec == robot
    observation = see(robot)
    before = observation.state.tobytes(), observation.images["front"].tobytes()
    chunk = policy.act(observation, "reach the red block")
    chunk.check(robot)
    assert chunk.actions.shape == (8, 4)
    assert (chunk.start_s, chunk.dt_s) == (12.5, 0.05)
    assert (observation.state.tobytes(), observation.images["front"].tobytes()) == before


def test_the_same_seed_gives_the_same_bytes(policy: NetworkPolicy, robot: RobotSpec) -> None:
    def play(seed: int) -> bytes:
        policy.reset(seed)
        return b"".join(policy.act(see(robot, i), "reach the red block").actions.tobytes() for i in (0, 1))

    assert play(3) == play(3)
    assert play(3) != play(4)


def test_a_batch_is_its_samples(trained: Path, robot: RobotSpec) -> None:
    policy = load_policy(trained, device="cpu")
    texts = ["reach the red block", "go to the blue cube please"]
    observations = [see(robot, 0), see(robot, 1)]
    beliefs = [policy.look(o, t) for o, t in zip(observations, texts, strict=True)]
    requests = [ActRequest(o, t, seed=s) for s, (o, t) in enumerate(zip(observations, texts, strict=True))]
    together = policy.act_batch(requests)
    assert [chunk.actions.shape for chunk in together] == [(8, 4), (8, 4)]
    for seed, chunk in enumerate(together):
        policy.reset(seed)
        alone = policy.act(observations[seed], texts[seed])
        # Padding the shorter instruction's words changes nothing.
        np.testing.assert_allclose(chunk.actions, alone.actions, atol=1e-5)
    assert not np.allclose(beliefs[0].target, beliefs[1].target)


def test_asking_for_success_does_not_disturb_acting(policy: NetworkPolicy, robot: RobotSpec) -> None:
    policy.reset(0)
    plain = policy.act(see(robot), "reach the red block").actions
    policy.reset(0)
    observation = see(robot)
    done = policy.success(observation, "reach the red block")
    assert 0 <= done <= 1
    assert np.array_equal(policy.act(observation, "reach the red block").actions, plain)


def test_what_does_not_fit_the_robot_is_refused(policy: NetworkPolicy, robot: RobotSpec) -> None:
    observation = see(robot)
    with pytest.raises(ContractError, match="front"):
        policy.act(Observation({"wrist": observation.images["wrist"]}, observation.state, 0.0), "reach")


def test_bf16_and_fewer_steps_stay_close(trained: Path, robot: RobotSpec) -> None:
    exact, fast = load_policy(trained, device="cpu"), load_policy(trained, device="cpu", bf16=True)
    one, two = (p.act(see(robot), "reach the red block").actions for p in (exact, fast))
    assert np.abs(one - two).max() < 0.1
    assert load_policy(trained, steps=2).act(see(robot), "reach").actions.shape == (8, 4)


def test_wrong_choices_are_refused(trained: Path) -> None:
    with pytest.raises(ValueError, match="steps 0 must be >= 1"):
        load_policy(trained, steps=0)
    with pytest.raises(ValueError, match="'fast' is not one of auto, trained, guided"):
        load_policy(trained, chunking="fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"can do guided, stop_gradient, off; .*max_delay > 0"):
        load_policy(trained, chunking="trained")
    with pytest.raises(ValueError, match="'tpu' is not one of auto, cpu, cuda"):
        load_policy(trained, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not available"):
            load_policy(trained, device="cuda")


def prefix_of(robot: RobotSpec, rows: int, frozen: int) -> Prefix:
    low, high = robot.action_low, robot.action_high
    share = np.linspace(0.3, 0.6, rows, dtype=np.float32)[:, None]
    return Prefix((low + share * (high - low)).astype(np.float32), frozen)


@pytest.mark.parametrize("chunking", ["guided", "stop_gradient"])
def test_a_chunk_begins_with_the_frozen_rows(trained: Path, robot: RobotSpec, chunking: Any) -> None:
    policy = load_policy(trained, device="cpu", threads=1, chunking=chunking)
    prefix = prefix_of(robot, 6, 3)
    free = policy.act(see(robot), "reach the red block").actions
    policy.reset(0)
    held = policy.act(see(robot), "reach the red block", prefix).actions
    assert np.array_equal(held[:3], prefix.actions[:3])
    assert not np.allclose(held[4], free[4], atol=1e-4)


def test_prefixes_of_a_batch_do_not_mix(trained: Path, robot: RobotSpec) -> None:
    policy = load_policy(trained, device="cpu", chunking="stop_gradient")
    requests = [
        ActRequest(see(robot, 0), "reach the red block", prefix_of(robot, 6, 3), 1),
        ActRequest(see(robot, 1), "reach the red block", None, 2),
        ActRequest(see(robot, 2), "reach the red block", prefix_of(robot, 12, 9), 3),
    ]
    together = policy.act_batch(requests)
    for request, chunk in zip(requests, together, strict=True):
        [alone] = policy.act_batch([request])
        np.testing.assert_allclose(chunk.actions, alone.actions, atol=1e-5)


def test_more_delay_than_trained_for_falls_back_to_guidance(trained: Path, robot: RobotSpec) -> None:
    guided = load_policy(trained, device="cpu", threads=1, chunking="guided")
    as_trained = load_policy(trained, device="cpu", threads=1)
    as_trained.chunking, as_trained._algorithm = "trained", FlowMatching(FlowConfig(max_delay=2))
    for frozen, alike in ((1, False), (3, True)):
        chunks = []
        for policy in (guided, as_trained):
            policy.reset(0)
            prefix = prefix_of(robot, 6, frozen)
            chunks.append(policy.act(see(robot), "reach the red block", prefix).actions)
        assert np.allclose(*chunks, atol=1e-6) is alike


def test_a_prefix_that_does_not_fit_is_refused(policy: NetworkPolicy, robot: RobotSpec) -> None:
    rows = prefix_of(robot, 4, 0).actions
    for wrong, message in (
        (Prefix(rows, 5), "frozen 5"),
        (Prefix(rows[:, :3], 1), "expected float32"),
        (Prefix(np.full_like(rows, np.nan), 1), "not finite"),
    ):
        with pytest.raises(ContractError, match=message):
            policy.act(see(robot), "reach", wrong)


def test_it_passes_the_checks_of_a_policy_alone_and_in_batches(trained: Path) -> None:
    check_policy(load_policy(trained, device="cpu", threads=1), "reach the red block")
