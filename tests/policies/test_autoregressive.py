"""Writing actions bin by bin: laws of the loss, of the writing, and of going on from a chunk in hand."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from policies.autoregressive import Autoregressive, AutoregressiveConfig
from policies.checkpoint import read_checkpoint
from policies.chunking import Overlap
from policies.config import TrainConfig
from policies.network_policy import NetworkPolicy, load_policy
from policies.normalisation import Normalisation
from policies.train import Progress, train
from vla.conformance import check_policy, sample_observation
from vla.contract import ActRequest, Prefix, RobotSpec
from vla.dataset.frames import FrameCache
from vla.models.action_expert import ExpertConfig
from vla.models.action_tokens import ActionTokens
from vla.models.vla import VLA

CONFIG = ExpertConfig(action=3, chunk=4, width=32, depth=2, heads=2, bins=32)
CONTEXT: Any = SimpleNamespace(
    memory=torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(0)),
    mask=torch.ones(2, 5, dtype=torch.bool),
)
NOISE = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1))
VALID = torch.ones(2, 4, dtype=torch.bool)
OLD = torch.linspace(-2, 2, 24).reshape(2, 4, 3)
GREEDY = Autoregressive(AutoregressiveConfig())


def network_of(lanes: int = 1) -> Any:
    torch.manual_seed(lanes)
    decoder = ActionTokens(replace(CONFIG, lanes=lanes)).eval()
    torch.nn.init.normal_(decoder.head.weight, std=0.5)
    return SimpleNamespace(expert=decoder)


def overlap(frozen: tuple[int, int]) -> Overlap:
    return Overlap(OLD, torch.tensor(frozen), torch.tensor([4, 4]), "trained")


@torch.no_grad()
def greedy_without_a_transcript(decoder: ActionTokens, held: Overlap | None) -> Tensor:
    """The likeliest bin at each step, reading all of it again each time."""
    known = decoder.to_tokens(OLD)
    steps, old = torch.zeros_like(decoder.in_steps(known)), decoder.in_steps(known)
    per_row = decoder.steps // CONFIG.chunk
    for i in range(decoder.steps):
        logits = decoder(decoder.in_rows(steps), CONTEXT.memory, CONTEXT.mask)
        best = decoder.in_steps(logits.argmax(-1))[:, i]
        if held is not None:
            best = torch.where((i // per_row < held.frozen)[:, None], old[:, i], best)
        steps[:, i] = best
    return decoder.to_actions(decoder.in_rows(steps))


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("frozen", [None, (0, 2), (1, 3), (4, 4), (4, 0)])
@torch.no_grad()
def test_the_writing_is_greedy_and_committed_rows_are_what_was_written(
    lanes: int, frozen: tuple[int, int] | None
) -> None:
    network = network_of(lanes)
    held = None if frozen is None else overlap(frozen)
    expected = greedy_without_a_transcript(network.expert, held)
    if held is not None:
        expected = torch.where(held.committed[..., None], OLD, expected)
    out = GREEDY.sample(network, CONTEXT, NOISE, overlap=held)
    torch.testing.assert_close(out, expected)
    for row, count in enumerate(frozen or (0, 0)):
        assert torch.equal(out[row, :count], OLD[row, :count])


@torch.no_grad()
def test_what_was_committed_changes_what_follows() -> None:
    network = network_of()
    free, bound = (GREEDY.sample(network, CONTEXT, NOISE, overlap=overlap((n, n))) for n in (0, 2))
    assert not torch.allclose(free[:, 2:], bound[:, 2:])


@torch.no_grad()
def test_rows_that_are_known_but_not_committed_do_not_matter() -> None:
    network, other = network_of(), overlap((1, 1))
    junk = torch.where(other.committed[..., None], OLD, torch.full_like(OLD, 2.5))
    first = GREEDY.sample(network, CONTEXT, NOISE, overlap=other)
    assert torch.equal(GREEDY.sample(network, CONTEXT, NOISE, overlap=replace(other, actions=junk)), first)


@torch.no_grad()
def test_the_chance_decides_only_where_there_is_a_temperature() -> None:
    network = network_of()
    assert torch.equal(GREEDY.sample(network, CONTEXT, NOISE), GREEDY.sample(network, CONTEXT, -NOISE))
    warm = Autoregressive(AutoregressiveConfig(temperature=1.0))
    assert not torch.equal(warm.sample(network, CONTEXT, NOISE), warm.sample(network, CONTEXT, -NOISE))
    cold = Autoregressive(AutoregressiveConfig(temperature=1e-4))
    torch.testing.assert_close(cold.sample(network, CONTEXT, NOISE), GREEDY.sample(network, CONTEXT, NOISE))


def test_bins_are_drawn_as_often_as_they_are_likely() -> None:
    warm = Autoregressive(AutoregressiveConfig(temperature=2.0))
    logits = torch.tensor([1.0, -0.5, 2.0, 0.0])
    noise = torch.randn(40_000, 1, generator=torch.Generator().manual_seed(0))
    drawn = warm._choose(logits.expand(40_000, 1, 4), noise)
    shares = drawn.flatten().bincount(minlength=4) / 40_000
    torch.testing.assert_close(shares, (logits / 2).softmax(-1), atol=0.01, rtol=0)
    extreme = warm._choose(logits.expand(2, 1, 4), torch.tensor([[-40.0], [40.0]]))
    assert extreme.flatten().tolist() == [0, 3]


@torch.no_grad()
def test_the_loss_is_the_mean_over_valid_rows_in_nats() -> None:
    network = network_of()
    decoder = network.expert
    tokens = decoder.to_tokens(OLD)
    chances = decoder(tokens, CONTEXT.memory, CONTEXT.mask).log_softmax(-1).gather(-1, tokens[..., None])
    valid = VALID.clone()
    valid[0, 2:] = False
    expected = -torch.cat([chances[0, :2].flatten(), chances[1].flatten()]).mean()
    torch.testing.assert_close(GREEDY.loss(network, CONTEXT, OLD, valid), expected)
    silly = torch.where(valid[..., None], OLD, torch.full_like(OLD, 1e6))
    torch.testing.assert_close(GREEDY.loss(network, CONTEXT, silly, valid), expected)


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_decoder_learns_chunks_by_heart(lanes: int) -> None:
    torch.manual_seed(0)
    network: Any = SimpleNamespace(expert=ActionTokens(replace(CONFIG, lanes=lanes)))
    optimizer = torch.optim.Adam(network.expert.parameters(), lr=3e-3)
    losses = []
    for _ in range(120):
        loss = GREEDY.loss(network, CONTEXT, OLD, VALID)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    half = 6 / 32 / 2
    with torch.no_grad():
        found = GREEDY.sample(network, CONTEXT, NOISE)
    assert (found - OLD).abs().max() <= half + 1e-5


def test_a_network_that_denoises_is_refused(network: VLA) -> None:
    with pytest.raises(TypeError, match=r"expert\.bins"):
        GREEDY.sample(network, CONTEXT, NOISE)
    with pytest.raises(ValueError, match=r"temperature -1"):
        AutoregressiveConfig(temperature=-1)
    for policy, bins in (("autoregressive", 0), ("flow", 256)):
        model = replace(network.config, expert=replace(network.config.expert, bins=bins))
        with pytest.raises(
            ValueError, match=rf"policy '{policy}' needs model\.expert\.bins .*; it is {bins}"
        ):
            TrainConfig(policy=policy, model=model)


def test_bins_span_the_percentiles_of_the_valid_actions() -> None:
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (5000, 3, 2)).astype(np.float32)
    actions[:, :, 1] = 0.25  # an axis that never moves
    actions[::2, 1, 0] = 99.0
    valid = np.ones((5000, 3), bool)
    valid[::2, 1] = False
    valid[:, 2] = False
    states = np.zeros((5000, 4), np.float32)
    places = np.zeros((1, 3), np.float32)
    scales = Normalisation.fit((), actions, valid, states, places)
    low, high = scales.action_range(actions, valid, states)
    for row in (0, 1):
        ends = np.array([low[row, 0], high[row, 0]]) * scales.action_std[row, 0] + scales.action_mean[row, 0]
        np.testing.assert_allclose(ends, [-0.98, 0.98], atol=0.02)
    np.testing.assert_allclose(high[:2, 1] - low[:2, 1], 0.1, atol=1e-6)
    assert (low[2], high[2]) == (pytest.approx([-3, -3]), pytest.approx([3, 3]))


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, cache: FrameCache, trained: Path
) -> tuple[Path, list[Progress]]:
    """A checkpoint of a policy that writes bins, trained a little in two sittings."""
    run, reports = tmp_path_factory.mktemp("written") / "run", list[Progress]()
    base = read_checkpoint(trained)
    model = base.config.model
    config = replace(
        base.config,
        output=str(run),
        policy="autoregressive",
        model=replace(model, expert=replace(model.expert, bins=64)),
        steps=30,
        learning_rate=3e-3,
        save_every=100,
    )
    train(replace(config, stop_after_s=1e-9), cache, base.spec, on_progress=reports.append)
    return train(config, cache, base.spec, on_progress=reports.append), reports


def test_training_goes_down_and_on_with_the_bins_of_the_data(
    written: tuple[Path, list[Progress]],
) -> None:
    folder, reports = written
    assert reports[0].step == 1
    assert reports[0].losses["action"] == pytest.approx(np.log(64), abs=1e-3)
    assert reports[-1].losses["action"] < 0.9 * reports[0].losses["action"]
    assert reports[-1].validation["action_mm"] > 0
    decoder = load_policy(folder, device="cpu")._network.expert
    assert isinstance(decoder, ActionTokens)
    assert not torch.equal(decoder.low, torch.full_like(decoder.low, -3.0))


def test_it_keeps_the_contract_alone_and_in_batches(
    written: tuple[Path, list[Progress]], robot: RobotSpec
) -> None:
    policy = load_policy(written[0], device="cpu", threads=1)
    check_policy(policy, "reach the red block")
    assert policy.chunking == "trained"
    with pytest.raises(ValueError, match="'guided' is not for this policy, which can do trained, off"):
        load_policy(written[0], chunking="guided")


def test_a_chunk_begins_with_the_committed_rows_and_goes_on_from_them(
    written: tuple[Path, list[Progress]], robot: RobotSpec
) -> None:
    policy, off = (load_policy(written[0], "cpu", threads=1, chunking=way) for way in ("auto", "off"))
    for one in (policy, off):  # so little training leaves it indifferent to what it has written
        torch.manual_seed(0)
        torch.nn.init.normal_(one._network.get_submodule("expert.head").get_parameter("weight"))
    see = sample_observation(robot)
    low, high = robot.action_low, robot.action_high
    rows = np.tile(low + 0.9 * (high - low), (6, 1)).astype(np.float32)

    def ask(policy: NetworkPolicy, frozen: int) -> np.ndarray[Any, Any]:
        [chunk] = policy.act_batch([ActRequest(see, "reach the red block", Prefix(rows, frozen))])
        return chunk.actions

    free, some, all_of_them = ask(policy, 0), ask(policy, 3), ask(policy, 6)
    assert np.array_equal(some[:3], rows[:3])
    assert np.array_equal(all_of_them[:6], rows)
    assert not np.allclose(some[3:], free[3:], atol=1e-4)
    np.testing.assert_allclose(ask(off, 3), free, atol=1e-5)


def test_bf16_writes_legal_chunks(written: tuple[Path, list[Progress]], robot: RobotSpec) -> None:
    policy = load_policy(written[0], device="cpu", bf16=True)
    policy.act(sample_observation(robot), "reach the red block").check(robot)
