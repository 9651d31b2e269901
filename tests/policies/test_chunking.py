"""Going on from a chunk in hand: the reference's golden values, and laws of the three ways."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from policies.chunking import Chunking, Overlap, guidance_weight, linear_mask, soft_mask
from policies.flow import FlowConfig, FlowMatching
from vla.models.action_expert import ExpertConfig

ROWS = 6
NOISE = torch.randn(2, ROWS, 3, generator=torch.Generator().manual_seed(0))
OLD = torch.linspace(-1, 1, 2 * ROWS * 3).reshape(2, ROWS, 3)
CONTEXT: Any = SimpleNamespace(memory=torch.zeros(2, 1, 8))


class Field:
    """A network whose velocity is whatever ``answer(x, time)`` says."""

    def __init__(self, answer: Any) -> None:
        self.config = SimpleNamespace(expert=ExpertConfig(action=3, chunk=ROWS))
        self.answer = answer
        self.seen: list[tuple[Tensor, Tensor]] = []

    def velocity(self, context: object, x: Tensor, time: Tensor) -> Tensor:
        self.seen.append((x.detach().clone(), time.detach().clone()))
        return self.answer(x, time)


def overlap(way: Chunking, frozen: tuple[int, int] = (2, 3), rows: tuple[int, int] = (4, 5)) -> Overlap:
    counts = torch.tensor(rows)
    there = torch.arange(ROWS) < counts[:, None]
    return Overlap(torch.where(there[..., None], OLD, 0.0), torch.tensor(frozen), counts, way)


def test_the_masks_have_the_reference_values() -> None:
    two, six = torch.tensor([2]), torch.tensor([6])
    expected = torch.tensor([[1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0, 0]])
    torch.testing.assert_close(linear_mask(two, six, 10), expected)
    expected = torch.tensor([[1, 1, 0.5706, 0.2871, 0.1145, 0.0258, 0, 0, 0, 0]])
    torch.testing.assert_close(soft_mask(two, six, 10), expected, atol=5e-5, rtol=0)


def test_more_frozen_rows_than_known_ones_freeze_what_is_known() -> None:
    assert torch.equal(
        soft_mask(torch.tensor([9]), torch.tensor([4]), 6), torch.tensor([[1.0, 1, 1, 1, 0, 0]])
    )


@pytest.mark.parametrize(
    ("steps", "limit", "expected"),
    [
        (5, 5, [5, 4.25, 2.167, 2.167, 4.25]),
        (10, 10, [10, 9.111, 4.25, 2.762, 2.167, 2, 2.167, 2.762, 4.25, 9.111]),
    ],
)
def test_the_guidance_weights_have_the_reference_values(
    steps: int, limit: float, expected: list[float]
) -> None:
    weights = [guidance_weight(i / steps, limit) for i in range(steps)]
    assert weights == pytest.approx(expected, abs=5e-4)


def test_guidance_is_the_exact_vector_jacobian_product() -> None:
    # A linear field has a known Jacobian, which mixes rows and axes.
    matrix = 0.3 * torch.randn(ROWS * 3, ROWS * 3, generator=torch.Generator().manual_seed(1))
    network: Any = Field(lambda x, time: (x.flatten(1) @ matrix.T).view_as(x))
    flow, held, time = FlowMatching(FlowConfig()), overlap("guided"), 0.4
    bent = flow._velocity(network, CONTEXT, NOISE, time, held)
    velocity = (NOISE.flatten(1) @ matrix.T).view_as(NOISE)
    error = (held.actions - (NOISE + (1 - time) * velocity)) * held.weight[..., None]
    jacobian = torch.eye(ROWS * 3) + (1 - time) * matrix
    pull = (error.flatten(1) @ jacobian).view_as(NOISE)
    torch.testing.assert_close(bent, velocity + guidance_weight(time, 5.0) * pull)
    stopped = flow._velocity(network, CONTEXT, NOISE, time, overlap("stop_gradient"))
    torch.testing.assert_close(stopped, velocity + guidance_weight(time, 5.0) * error)
    assert not torch.allclose(bent, stopped)


def test_only_exact_guidance_needs_gradients() -> None:
    weight = torch.nn.Parameter(torch.ones(()))
    ways: tuple[tuple[Chunking, bool], ...] = (("guided", True), ("stop_gradient", False), ("trained", False))
    for way, needed in ways:
        recorded: list[bool] = []

        def answer(x: Tensor, time: Tensor, recorded: list[bool] = recorded) -> Tensor:
            recorded.append(torch.is_grad_enabled())
            return -x * weight

        network: Any = Field(answer)
        with torch.no_grad():
            out = FlowMatching(FlowConfig(steps=2)).sample(network, CONTEXT, NOISE, overlap=overlap(way))
        assert recorded == [needed] * 2
        assert not out.requires_grad


@pytest.mark.parametrize("way", ["trained", "guided", "stop_gradient"])
def test_frozen_rows_stay_as_they_are_and_unknown_rows_do_not_matter(way: Chunking) -> None:
    network: Any = Field(lambda x, time: -x)
    flow = FlowMatching(FlowConfig(steps=4))
    held = overlap(way)
    out = flow.sample(network, CONTEXT, NOISE, overlap=held)
    assert torch.equal(out[0, :2], OLD[0, :2])
    assert torch.equal(out[1, :3], OLD[1, :3])
    junk = torch.where(
        (torch.arange(ROWS) < held.rows[:, None])[..., None], held.actions, torch.full_like(OLD, 7.0)
    )
    again = flow.sample(network, CONTEXT, NOISE, overlap=Overlap(junk, held.frozen, held.rows, held.way))
    torch.testing.assert_close(again, out)


def test_guidance_draws_the_rows_that_are_not_frozen_to_the_old_ones() -> None:
    network: Any = Field(lambda x, time: torch.zeros_like(x))
    flow = FlowMatching(FlowConfig(steps=10))
    held = overlap("guided", frozen=(1, 1), rows=(5, 5))
    free = flow.sample(network, CONTEXT, NOISE)
    out = flow.sample(network, CONTEXT, NOISE, overlap=held)
    before, after = (free - OLD).abs().mean(-1), (out - OLD).abs().mean(-1)
    share = (after / before).mean(0)
    assert (share[1:4] < 1).all()
    assert (share[1:5].diff() > 0).all()
    torch.testing.assert_close(out[:, 5], free[:, 5])


def test_a_trained_network_is_shown_the_frozen_rows_clean() -> None:
    network: Any = Field(lambda x, time: torch.zeros_like(x))
    FlowMatching(FlowConfig(steps=3)).sample(network, CONTEXT, NOISE, overlap=overlap("trained"))
    for i, (x, time) in enumerate(network.seen):
        assert torch.equal(x[0, :2], OLD[0, :2])
        assert torch.equal(time[0], torch.tensor([1.0, 1, *[i / 3] * 4]))
        assert torch.equal(time[1], torch.tensor([1.0, 1, 1, *[i / 3] * 3]))


def test_training_shows_frozen_rows_clean_and_counts_only_the_others() -> None:
    flow = FlowMatching(FlowConfig(draws=64, max_delay=3))

    def wrong_where_frozen(x: Tensor, time: Tensor) -> Tensor:
        goal = OLD[:, None].expand_as(x)
        right = (goal - x) / (1 - time[..., None]).clamp(min=1e-9)
        return torch.where(time[..., None] == 1, 99.0, right)

    network: Any = Field(wrong_where_frozen)
    valid = torch.ones(2, ROWS, dtype=torch.bool)
    assert flow.loss(network, CONTEXT, OLD, valid) < 1e-3
    x, time = network.seen[0]
    frozen = time == 1
    torch.testing.assert_close(x[frozen], OLD[:, None].expand_as(x)[frozen])
    counts = frozen.sum(-1).flatten()
    assert set(counts.tolist()) == {0, 1, 2, 3}
    assert torch.equal(frozen, torch.arange(ROWS) < frozen.sum(-1, keepdim=True))
    # Few rows more often than many.
    assert (counts == 0).sum() > (counts == 3).sum()
