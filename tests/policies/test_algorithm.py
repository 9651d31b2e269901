"""The three algorithms, run with a network replaced by the true answer where the law needs it."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from policies.act import ActConfig, Regression
from policies.diffusion import Diffusion, DiffusionConfig
from policies.flow import FlowConfig, FlowMatching, draw_time
from vla.models.action_expert import ActionExpert, ExpertConfig, Style

GOAL = torch.linspace(-1, 1, 2 * 5 * 4).reshape(2, 5, 4)
CONTEXT: Any = SimpleNamespace(memory=torch.zeros(2, 1, 8))
VALID = torch.ones(2, 5, dtype=torch.bool)
NOISE = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))


class Field:
    """A network whose velocity is whatever ``answer(x, time)`` says."""

    def __init__(self, answer: Any) -> None:
        self.config = SimpleNamespace(expert=ExpertConfig(action=4, chunk=5))
        self.answer = answer
        self.times: list[Tensor] = []

    def velocity(self, context: object, x: Tensor, time: Tensor, style: Tensor | None = None) -> Tensor:
        self.times.append(time)
        return self.answer(x, time)


def goal_like(x: Tensor) -> Tensor:
    return GOAL[:, None].expand_as(x) if x.ndim == 4 else GOAL


def true_velocity(x: Tensor, time: Tensor) -> Tensor:
    return (goal_like(x) - x) / (1 - time[..., None])


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_the_true_field_carries_noise_to_the_data(steps: int) -> None:
    network: Any = Field(true_velocity)
    out = FlowMatching(FlowConfig(steps=steps)).sample(network, CONTEXT, NOISE)
    torch.testing.assert_close(out, GOAL, atol=1e-5, rtol=1e-5)
    times = [float(t[0, 0]) for t in network.times]
    assert times == pytest.approx([i / steps for i in range(steps)])


def test_the_true_field_has_no_loss_and_a_wrong_one_has() -> None:
    flow = FlowMatching(FlowConfig(draws=3))
    right: Any = Field(true_velocity)
    wrong: Any = Field(lambda x, time: true_velocity(x, time) + 0.5)
    assert flow.loss(right, CONTEXT, GOAL, VALID) < 1e-4
    torch.testing.assert_close(flow.loss(wrong, CONTEXT, GOAL, VALID), torch.tensor(0.25), atol=1e-2, rtol=0)


def test_rows_past_the_end_do_not_count() -> None:
    valid = VALID.clone()
    valid[:, 3:] = False
    silly = GOAL.clone()
    silly[:, 3:] = 1e6
    network: Any = Field(lambda x, time: torch.ones_like(x))
    for algorithm in (FlowMatching(FlowConfig()), Regression(ActConfig())):
        torch.manual_seed(0)
        first = algorithm.loss(network, CONTEXT, GOAL, valid)
        assert first > 0
        torch.manual_seed(0)
        torch.testing.assert_close(first, algorithm.loss(network, CONTEXT, silly, valid))


def test_times_favour_the_noisy_end() -> None:
    torch.manual_seed(0)
    time = draw_time((100_000,), FlowConfig(), torch.device("cpu"))
    assert 0 < time.min() < time.max() <= 1
    # The mean of Beta(1.5, 1) is 0.6, and t = 1 - 0.999 Beta.
    assert abs(float(time.mean()) - (1 - 0.999 * 0.6)) < 5e-3


def test_the_true_noise_carries_diffusion_to_the_data() -> None:
    diffusion = Diffusion(DiffusionConfig())
    alphas = diffusion.forward_process.alphas_cumprod

    def true_noise(x: Tensor, time: Tensor) -> Tensor:
        level = torch.round((1 - time) * 100 - 1).long()
        a = alphas[level][..., None]
        return (x - a.sqrt() * goal_like(x)) / (1 - a).sqrt()

    network: Any = Field(true_noise)
    torch.testing.assert_close(diffusion.sample(network, CONTEXT, NOISE), GOAL, atol=2e-2, rtol=0)
    assert diffusion.loss(network, CONTEXT, GOAL, VALID) < 1e-3


def test_regression_asks_once_and_hands_on_the_answer() -> None:
    network: Any = Field(lambda x, time: GOAL)
    algorithm = Regression(ActConfig())
    assert torch.equal(algorithm.sample(network, CONTEXT, NOISE), GOAL)
    assert len(network.times) == 1
    assert algorithm.loss(network, CONTEXT, GOAL + 0.2, VALID) == pytest.approx(0.2, abs=1e-5)


@pytest.mark.parametrize("latent", [0, 2])
def test_a_style_tells_two_ways_of_doing_the_same_apart(latent: int) -> None:
    torch.manual_seed(0)
    config = ExpertConfig(action=4, chunk=5, width=16, depth=1, heads=2, latent=latent)
    expert = ActionExpert(config)
    network: Any = SimpleNamespace(config=SimpleNamespace(expert=config), expert=expert)
    network.velocity = lambda context, x, time, style: expert(
        x[:, None], time[:, None], context.memory, torch.ones(2, 1, dtype=torch.bool), style
    )[:, 0]
    context: Any = SimpleNamespace(memory=torch.zeros(2, 1, 16))
    ways = torch.stack([GOAL[0] + 2, -GOAL[0] - 2])  # the same scene, one way or the other
    algorithm = Regression(ActConfig(divergence=0.01))
    optimizer = torch.optim.Adam(expert.parameters(), 1e-2)
    loss = torch.tensor(torch.inf)
    for _ in range(150):
        optimizer.zero_grad()
        loss = algorithm.loss(network, context, ways, VALID)
        loss.backward()
        optimizer.step()
    assert (float(loss) < 0.5) == bool(latent)
    sampled = [algorithm.sample(network, context, torch.randn(2, 5, 4)) for _ in range(2)]
    assert torch.equal(*sampled)


def test_rows_past_the_end_say_nothing_of_the_style() -> None:
    style = Style(ExpertConfig(action=4, chunk=5, width=16, depth=1, heads=2, latent=2))
    valid = VALID.clone()
    valid[:, 3:] = False
    silly = GOAL.clone()
    silly[:, 3:] = 1e3
    torch.testing.assert_close(style(silly, valid), style(GOAL, valid))
