"""A stage of a training: steps, averages and checkpoints, and what stops it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from policies.checkpoint import list_checkpoints
from policies.manifest import CheckpointError
from policies.planner_config import StageConfig, StageProgress
from policies.stage_training import InterruptedStageError, run_stage


class Line:
    """Fits a line to random points; the second weight is frozen."""

    name = "line"

    def __init__(self, steps: int = 10, width: int = 3, poison: int = -1) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Sequential(nn.Linear(width, 1), nn.Linear(1, 1))
        self.network[1].requires_grad_(False)  # pyright: ignore[reportIndexIssue]
        self.config = StageConfig(steps, 16, 0.2, 2, ema_decay=0.9)
        self.poison, self.seen = poison, list[int]()

    def losses(self, step: int) -> dict[str, Tensor]:
        self.seen.append(step)
        x = torch.randn(16, 3)  # run_stage seeds each step
        loss = ((self.network(x) - x.sum(-1, keepdim=True)) ** 2).mean()
        return {"total": loss * (float("nan") if step == self.poison else 1.0)}

    def check(self) -> dict[str, float]:
        return {"size": float(next(self.network.parameters()).abs().sum())}


def run(stage: Line, folder: Path, told: list[StageProgress] | None = None) -> dict[str, Tensor]:
    told = [] if told is None else told
    run_stage(stage, folder, 3, 4, told.append)
    return {name: tensor.clone() for name, tensor in stage.network.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns_tells_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    stage, told = Line(), list[StageProgress]()
    before = {name: tensor.clone() for name, tensor in stage.network.state_dict().items()}
    after = run(stage, tmp_path, told)
    assert [p.step for p in told] == [3, 4, 6, 8, 9, 10]
    assert [p.step for p in told if p.checked] == [4, 8, 10]
    assert told[-1].losses["total"] < told[0].losses["total"]
    assert not torch.equal(before["0.weight"], after["0.weight"])
    assert torch.equal(before["1.weight"], after["1.weight"])
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step_00000010"]
    assert not stage.network.training


def test_what_it_ends_with_and_checks_is_the_average(tmp_path: Path) -> None:
    stage, told = Line(), list[StageProgress]()
    after = run(stage, tmp_path, told)
    assert told[-1].checked["size"] == pytest.approx(float(after["0.weight"].abs().sum()))


@pytest.mark.parametrize("at", [3, 4, 6])
def test_interrupted_it_goes_on_to_the_same_weights(tmp_path: Path, at: int) -> None:
    whole = run(Line(), tmp_path / "whole")
    cut = Line()

    def stop(progress: StageProgress) -> None:
        if progress.step == at:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedStageError):
        run_stage(cut, tmp_path / "cut", 3, 4, stop)
    assert signal.getsignal(signal.SIGINT) is before
    rest = Line()
    assert same(run(rest, tmp_path / "cut"), whole)
    assert rest.seen == list(range(at + 1, 10))


def test_a_finished_stage_is_taken_over_without_a_step(tmp_path: Path) -> None:
    whole, again = run(Line(), tmp_path), Line()
    assert same(run(again, tmp_path), whole)
    assert again.seen == []


def test_damage_other_sizes_and_losses_that_are_no_numbers_stop_it(tmp_path: Path) -> None:
    run(Line(), tmp_path)
    with pytest.raises(CheckpointError, match="does not fit the network"):
        run(Line(width=4), tmp_path)
    weights = list_checkpoints(tmp_path)[-1] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="is damaged"):
        run(Line(), tmp_path)
    with pytest.raises(FloatingPointError, match="the loss total is nan"):
        run(Line(poison=2), tmp_path / "other")


@pytest.mark.parametrize(("steps", "batch", "rate"), [(-1, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0)])
def test_an_impossible_stage_is_refused(steps: int, batch: int, rate: float) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        StageConfig(steps, batch, rate)
