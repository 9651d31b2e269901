import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import load_file

from policies.average import Average
from policies.checkpoint import (
    CheckpointError,
    export_checkpoint,
    list_checkpoints,
    read_checkpoint,
)
from policies.config import TrainConfig, config_from_dict, config_to_dict
from policies.network_policy import NetworkPolicy
from policies.optimisation import learning_rate
from policies.train import Progress, train
from vla.contract import RobotSpec
from vla.dataset.frames import FrameCache

SCRIPT = """
import runpy, sys
toy = runpy.run_path(sys.argv[1])
from policies.train import train
train(toy["tiny_config"](sys.argv[2], steps=int(sys.argv[3])), toy["make_cache"](), toy["spec"]())
"""
TOY = Path(__file__).with_name("conftest.py")


def same_files(one: Path, other: Path) -> bool:
    for name in ("model.safetensors", "training.safetensors"):
        a, b = load_file(one / name), load_file(other / name)
        if a.keys() != b.keys() or not all(torch.equal(a[key], b[key]) for key in a):
            return False
    return True


def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, cache: FrameCache, robot: RobotSpec) -> None:
    steps, toy = 12, runpy.run_path(str(TOY))
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(TOY), str(killed), str(steps)]) as process:
        while not list_checkpoints(killed) and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    reached = read_checkpoint(killed).step
    assert reached < steps
    ends = [train(toy["tiny_config"](str(run), steps=steps), cache, robot) for run in (straight, killed)]
    assert same_files(*ends)


def test_the_loss_falls_and_the_named_block_is_found(make_config: Callable[..., TrainConfig]) -> None:
    toy = runpy.run_path(str(TOY))
    reports: list[Progress] = []
    config = make_config(
        steps=120, batch_size=16, learning_rate=3e-3, log_every=30, save_every=200, validate_samples=64
    )
    train(config, toy["make_cache"](40), toy["spec"](), on_progress=reports.append)
    assert reports[-1].losses["total"] < 0.6 * reports[0].losses["total"]
    assert reports[-1].validation["target_cm"] < 20
    assert reports[-1].validation["family_accuracy"] > 0.9
    assert reports[-1].step == 120
    assert reports[-1].left_s == 0


def test_a_run_with_stills_goes_on_bit_for_bit(
    make_config: Callable[..., TrainConfig], cache: FrameCache, robot: RobotSpec, tmp_path: Path
) -> None:
    stills = runpy.run_path(str(TOY))["make_cache"](8, length=1, seed=5)
    changes: dict[str, Any] = {"steps": 4, "stills_batch": 4}
    straight = train(make_config(**changes), cache, robot, stills=stills)
    parts = replace(make_config(**changes), output=str(tmp_path / "parts"))
    train(replace(parts, stop_after_s=1e-9), cache, robot, stills=stills)
    halfway = read_checkpoint(Path(parts.output))
    assert 0 < halfway.step < 4
    assert halfway.notes["data"]["stills"] == 8
    assert same_files(train(parts, cache, robot, stills=stills), straight)
    without = train(replace(make_config(steps=4), output=str(tmp_path / "without")), cache, robot)
    assert not same_files(without, straight)


@pytest.mark.parametrize(("policy", "latent"), [("diffusion", 0), ("act", 0), ("act", 4)])
def test_the_other_algorithms_train_too(
    policy: str, latent: int, make_config: Callable[..., TrainConfig], cache: FrameCache, robot: RobotSpec
) -> None:
    reports: list[Progress] = []
    config = make_config(policy=policy, steps=2, bf16="true")
    expert = replace(config.model.expert, latent=latent)
    config = replace(config, model=replace(config.model, expert=expert))
    train(config, cache, robot, on_progress=reports.append)
    assert reports[-1].validation["action_mm"] > 0


def test_only_the_last_checkpoints_are_kept_and_rollouts_are_reported(
    make_config: Callable[..., TrainConfig], cache: FrameCache, robot: RobotSpec
) -> None:
    seen: list[tuple[int, str]] = []

    def rollout(policy: NetworkPolicy, step: int) -> dict[str, float]:
        seen.append((step, policy.spec.name))
        return {"success": 0.5}

    reports: list[Progress] = []
    config = make_config(steps=6, rollout_every=3, keep_last=2)
    train(config, cache, robot, on_progress=reports.append, rollout=rollout)
    assert [path.name for path in list_checkpoints(Path(config.output))] == ["step_00000004", "step_00000006"]
    assert seen == [(3, "toy"), (6, "toy")]
    assert any(report.validation.get("success") == 0.5 for report in reports)
    assert list(Path(config.output).glob("events.*"))


def test_frozen_eyes_stay_and_a_warm_start_keeps_the_words(
    make_config: Callable[..., TrainConfig], trained: Path, cache: FrameCache, robot: RobotSpec
) -> None:
    config = make_config(steps=2, init_from=str(trained), freeze="vision", ema_decay=0.0)
    before, after = read_checkpoint(trained), read_checkpoint(train(config, cache, robot))
    assert before.tokenizer.to_json() == after.tokenizer.to_json()
    eyes = [name for name in before.weights if name.startswith("vision.")]
    assert eyes
    assert all(torch.equal(before.weights[name], after.weights[name]) for name in eyes)
    assert not torch.equal(before.weights["expert.head.weight"], after.weights["expert.head.weight"])


def test_another_kind_of_expert_begins_fresh_on_a_trunk_that_is_kept(
    make_config: Callable[..., TrainConfig],
    trained: Path,
    cache: FrameCache,
    robot: RobotSpec,
    tmp_path: Path,
) -> None:
    before = read_checkpoint(trained)
    expert = replace(before.config.model.expert, bins=16, depth=1)
    model = replace(before.config.model, expert=expert)
    whole = make_config(init_from=str(trained), learning_rate=0.0, ema_decay=0.0, steps=1)
    with pytest.raises(CheckpointError, match="another network"):
        train(replace(whole, policy="autoregressive", model=model), cache, robot)
    flow = replace(whole, init_part="trunk")
    tokens = replace(flow, policy="autoregressive", model=model, output=str(tmp_path / "tokens"))
    after = [read_checkpoint(train(config, cache, robot)).weights for config in (flow, tokens)]
    trunk = {name: value for name, value in before.weights.items() if not name.startswith("expert.")}
    for weights in after:
        assert {name for name in weights if not name.startswith("expert.")} == set(trunk)
        assert all(torch.equal(weights[name], value) for name, value in trunk.items())
    assert not torch.equal(after[0]["expert.row"], before.weights["expert.row"])
    assert not torch.equal(after[1]["expert.low"], torch.full_like(after[1]["expert.low"], -3.0))
    shorter = replace(tokens, model=replace(model, expert=replace(expert, chunk=4)), output=str(tmp_path))
    with pytest.raises(CheckpointError, match="another network"):
        train(shorter, cache, robot)


def test_ctrl_c_saves(make_config: Callable[..., TrainConfig], cache: FrameCache, robot: RobotSpec) -> None:
    def press(progress: Progress) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    last = train(make_config(steps=50, save_every=100), cache, robot, on_progress=press)
    assert read_checkpoint(last).step == 4
    assert signal.getsignal(signal.SIGINT) is before


def test_another_robot_or_network_is_refused(
    make_config: Callable[..., TrainConfig], trained: Path, cache: FrameCache, robot: RobotSpec
) -> None:
    with pytest.raises(CheckpointError, match="control_hz: 30"):
        train(make_config(init_from=str(trained)), cache, replace(robot, control_hz=30.0))
    config = make_config(init_from=str(trained))
    with pytest.raises(CheckpointError, match="another network"):
        train(replace(config, model=config.model.with_width(64)), cache, robot)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "about.json", "tokenizer.json", "training.safetensors"]
)
def test_a_flipped_byte_is_refused_by_name(
    name: str, trained: Path, tmp_path: Path, cache: FrameCache, robot: RobotSpec
) -> None:
    run = tmp_path / "run"
    copy = run / "step_00000002"
    shutil.copytree(trained, copy)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(CheckpointError, match=rf"{name} is damaged"):
        train(runpy.run_path(str(TOY))["tiny_config"](str(run)), cache, robot)


def test_a_missing_file_is_named(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere is no checkpoint"):
        read_checkpoint(tmp_path / "nowhere")
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        read_checkpoint(copy)


def test_what_is_published_acts_but_holds_no_optimiser(trained: Path, tmp_path: Path) -> None:
    target = export_checkpoint(trained, tmp_path / "published")
    assert sorted(path.name for path in target.iterdir()) == [
        "about.json",
        "manifest.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert read_checkpoint(target).step == 2
    with pytest.raises(CheckpointError, match="exists already"):
        export_checkpoint(trained, target)


def test_a_leftover_of_a_kill_is_neither_read_nor_kept(
    make_config: Callable[..., TrainConfig], cache: FrameCache, robot: RobotSpec
) -> None:
    config = make_config(steps=2)
    left = Path(config.output) / ".partial-step_00000009"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    assert train(config, cache, robot).name == "step_00000002"
    assert not left.exists()


def test_the_average_follows_slowly_and_ends_where_the_weights_stay() -> None:
    layer = torch.nn.Linear(2, 2)
    average = Average(layer, 0.9)
    start = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight += 1.0
    average.update(count=10_000)
    torch.testing.assert_close(average.weights["weight"], start + 0.1)
    for count in range(300):
        average.update(count=10_000 + count)
    torch.testing.assert_close(average.weights["weight"], start + 1.0)


def test_the_learning_rate_rises_then_falls() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, learning_rate=1.0, final_rate=0.1)
    rates = [learning_rate(step, config) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.1)


def test_a_config_survives_json_and_omegaconf_and_refuses_a_typo() -> None:
    config = TrainConfig(policy="act", steps=7)
    assert config_from_dict(config_to_dict(config)) == config
    assert OmegaConf.to_object(OmegaConf.structured(config)) == config
    data: dict[str, Any] = config_to_dict(config)
    data["model"]["vision"]["widht"] = 3
    with pytest.raises(ValueError, match=r"config\.model\.vision.*widht"):
        config_from_dict(data)
    with pytest.raises(ValueError, match="'sac' is not one of 'flow', 'diffusion', 'act', 'autoregressive'"):
        TrainConfig(policy="sac")
