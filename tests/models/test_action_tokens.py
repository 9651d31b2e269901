"""Laws of writing a chunk bin by bin."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vla.models.action_expert import ExpertConfig
from vla.models.action_tokens import ActionTokens

CONFIG = ExpertConfig(action=4, chunk=3, width=32, depth=2, heads=2, bins=16)
MEMORY = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
LANES = pytest.mark.parametrize("lanes", [1, 2, 4])


def decoder(lanes: int = 1) -> ActionTokens:
    """One that is not as indifferent as a fresh one."""
    torch.manual_seed(lanes)
    made = ActionTokens(replace(CONFIG, lanes=lanes)).eval()
    torch.nn.init.normal_(made.head.weight, std=0.5)
    return made


def some_tokens() -> Tensor:
    return torch.randint(16, (2, 3, 4), generator=torch.Generator().manual_seed(1))


def test_bins_lose_at_most_half_their_width_inside_the_range_and_end_at_its_ends() -> None:
    made = decoder()
    low = -torch.rand(3, 4) - 0.1
    made.set_range(low, low + torch.rand(3, 4) + 0.1)
    inside = made.low + torch.rand(200, 3, 4) * (made.high - made.low)
    half = (made.high - made.low) / 32
    assert ((made.to_actions(made.to_tokens(inside)) - inside).abs() <= half + 1e-6).all()
    beyond = made.to_tokens(torch.stack([made.low - 9, made.high + 9, made.low, made.high]))
    assert torch.equal(beyond, torch.tensor([0, 15, 0, 15])[:, None, None].expand(4, 3, 4))


def test_bins_survive_the_way_to_actions_and_back() -> None:
    made, tokens = decoder(), some_tokens()
    assert torch.equal(made.to_tokens(made.to_actions(tokens)), tokens)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="above its low"):
        decoder().set_range(torch.zeros(3, 4), torch.zeros(3, 4))


def test_a_fresh_decoder_finds_every_bin_as_likely() -> None:
    logits = ActionTokens(CONFIG)(some_tokens(), MEMORY, MASK)
    nats = cross_entropy(logits.flatten(0, 2), some_tokens().flatten())
    torch.testing.assert_close(nats, torch.tensor(16.0).log())


@LANES
@torch.no_grad()
def test_teacher_forcing_is_the_sequential_likelihood(lanes: int) -> None:
    made, tokens = decoder(lanes), some_tokens()
    chances = made(tokens, MEMORY, MASK).log_softmax(-1)
    at_once = chances.gather(-1, tokens[..., None]).sum((1, 2, 3))
    given, transcript, one_by_one = made.in_steps(tokens), made.begin(MEMORY, MASK), torch.zeros(2)
    for i in range(made.steps):
        step = made.write(given[:, max(i - 1, 0) : i], transcript).log_softmax(-1)
        one_by_one += step.gather(-1, given[:, i, :, None]).sum((1, 2))
    assert transcript.length == made.steps == 12 // lanes
    torch.testing.assert_close(at_once, one_by_one)


@LANES
@torch.no_grad()
def test_a_transcript_gives_what_reading_it_all_again_gives(lanes: int) -> None:
    made, given = decoder(lanes), decoder(lanes).in_steps(some_tokens())
    transcript = made.begin(MEMORY, MASK)
    kept = [made.write(given[:, :1], transcript), made.write(given[:, 1:2], transcript)]
    for count, logits in zip((1, 2), kept, strict=True):
        torch.testing.assert_close(made.write(given[:, :count], made.begin(MEMORY, MASK)), logits)


@LANES
@torch.no_grad()
def test_no_step_knows_of_itself_or_of_what_follows(lanes: int) -> None:
    made, tokens = decoder(lanes), some_tokens()
    before = made.in_steps(tokens)
    logits = made(tokens, MEMORY, MASK)
    for i in range(made.steps):
        changed = before.clone()
        changed[:, i] = (changed[:, i] + 5) % 16
        other = made(made.in_rows(changed), MEMORY, MASK)
        moved = (other - logits).abs().amax((0, 3)).flatten().unflatten(0, (made.steps, lanes)).amax(-1)
        assert (moved[: i + 1] < 1e-5).all()
        assert (moved[i + 1 :] > 1e-4).all()


@torch.no_grad()
def test_masked_context_does_not_matter_and_the_rest_does() -> None:
    made, tokens = decoder(), some_tokens()
    first = made(tokens, MEMORY, MASK)
    hidden, seen = MEMORY.clone(), MEMORY.clone()
    hidden[1, 3:] = 7.0
    seen[1, :3] = 7.0
    torch.testing.assert_close(made(tokens, hidden, MASK), first)
    assert not torch.allclose(made(tokens, seen, MASK)[1], first[1], atol=1e-3)


def test_neighbouring_bins_begin_alike() -> None:
    table = ActionTokens(replace(CONFIG, bins=256)).embedding.weight.detach()
    near, far = (table[1:] - table[:-1]).norm(dim=-1), (table[128:] - table[:-128]).norm(dim=-1)
    assert near.mean() < far.mean()


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expert\.lanes 3 must divide expert\.action, 4"):
        replace(CONFIG, lanes=3)
    with pytest.raises(ValueError, match=r"expert\.bins 1 must be 0"):
        replace(CONFIG, bins=1)
    with pytest.raises(ValueError, match=r"expert\.bins 0"):
        ActionTokens(replace(CONFIG, bins=0))
