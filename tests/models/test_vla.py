from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vla.models.vla import VLA, Context, VLAConfig


def scene(batch: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "images": torch.rand(batch, 2, 32, 32, 3, generator=generator),
        "state": torch.randn(batch, 11, generator=generator),
        "tool": torch.randn(batch, 3, generator=generator),
    }


def encode(network: VLA, tokens: Tensor, mask: Tensor, **changes: Tensor) -> Context:
    return network.encode(**scene() | changes, text=network.read(tokens, mask), text_mask=mask)


def words(asked: int = 1) -> tuple[Tensor, Tensor]:
    tokens = torch.arange(2 * asked * 5).reshape(2, asked, 5) + 3
    return tokens, torch.ones_like(tokens, dtype=torch.bool)


def test_padding_the_text_changes_nothing(network: VLA) -> None:
    tokens, mask = words()
    padded = torch.cat([tokens, torch.full((2, 1, 4), 7)], dim=-1)
    longer = torch.cat([mask, torch.zeros(2, 1, 4, dtype=torch.bool)], dim=-1)
    noise, time = torch.randn(2, 6, 4), torch.rand(2, 6)
    short, long = encode(network, tokens, mask), encode(network, padded, longer)
    torch.testing.assert_close(short.grounded.position, long.grounded.position)
    torch.testing.assert_close(
        network.velocity(short, noise, time), network.velocity(long, noise, time), atol=1e-5, rtol=1e-4
    )


def test_questions_about_one_picture_do_not_disturb_each_other(network: VLA) -> None:
    tokens, mask = words(asked=3)
    together = encode(network, tokens, mask)
    alone = encode(network, tokens[:, 2:], mask[:, 2:])
    torch.testing.assert_close(together.grounded.heat[:, 2:], alone.grounded.heat, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.grounded.done[:, 2:], alone.grounded.done, atol=1e-5, rtol=1e-4)


def test_samples_of_a_batch_do_not_disturb_each_other(network: VLA) -> None:
    tokens, mask = words()
    before = encode(network, tokens, mask)
    images = scene()["images"].clone()
    images[1] = 0
    after = encode(network, tokens, mask, images=images)
    torch.testing.assert_close(before.memory[0], after.memory[0])
    assert not torch.allclose(before.memory[1], after.memory[1])


@pytest.mark.parametrize("what", ["images", "state", "tool", "words"])
def test_everything_sensed_and_asked_reaches_the_action(network: VLA, what: str) -> None:
    tokens, mask = words()
    noise, time = torch.randn(2, 6, 4), torch.rand(2, 6)
    before = network.velocity(encode(network, tokens, mask), noise, time)
    if what == "words":
        after = encode(network, tokens + 20, mask)
    else:
        after = encode(network, tokens, mask, **{what: scene()[what] + 0.3})
    assert (network.velocity(after, noise, time) - before).abs().max() > 1e-4


def test_several_chunks_per_sample_equal_one_at_a_time(network: VLA) -> None:
    context = encode(network, *words())
    noise, time = torch.randn(2, 3, 6, 4), torch.rand(2, 3, 6)
    together = network.velocity(context, noise, time)
    apart = torch.stack([network.velocity(context, noise[:, i], time[:, i]) for i in range(3)], dim=1)
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)


def test_one_time_for_all_rows_equals_the_same_time_for_each(network: VLA) -> None:
    context = encode(network, *words())
    noise, time = torch.randn(2, 6, 4), torch.rand(2, 1)
    torch.testing.assert_close(
        network.velocity(context, noise, time), network.velocity(context, noise, time.expand(2, 6))
    )


def test_the_action_loss_does_not_bend_the_places(network: VLA) -> None:
    context = encode(network, *words())
    network.velocity(context, torch.randn(2, 6, 4), torch.rand(2, 6)).square().sum().backward()
    assert network.grounding.locate[0].weight.grad is None
    assert network.place[0].weight.grad is not None


def test_bf16_agrees_with_float32(network: VLA) -> None:
    tokens, mask = words()
    noise, time = torch.randn(2, 6, 4), torch.rand(2, 6)
    exact = network.velocity(encode(network, tokens, mask), noise, time)
    with torch.autocast("cpu", torch.bfloat16):
        fast = network.velocity(encode(network, tokens, mask), noise, time)
    assert fast.dtype == torch.float32
    assert (fast - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_hidden_joints_do_not_reach_the_action(tiny: VLAConfig) -> None:
    network = VLA(replace(tiny, state_dropout=1.0, state_noise=0.0, place_noise_m=0.0), tuple(range(7)))
    tokens, mask = words()
    state = scene()["state"].clone()
    before = encode(network.train(), tokens, mask).memory
    state[:, :7] += 1
    torch.testing.assert_close(before, encode(network, tokens, mask, state=state).memory)
    state[:, 7] += 1
    assert not torch.allclose(before, encode(network, tokens, mask, state=state).memory)


def test_the_default_network_is_small() -> None:
    assert sum(p.numel() for p in VLA(VLAConfig()).parameters()) < 3.1e6


def test_parts_of_different_width_are_refused(tiny: VLAConfig) -> None:
    with pytest.raises(ValueError, match="one width"):
        replace(tiny, expert=replace(tiny.expert, width=64))
    assert tiny.with_width(64).text.width == 64
