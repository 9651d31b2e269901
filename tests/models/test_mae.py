from dataclasses import replace

import pytest
import torch

from vla.models.classifier import ClassifierConfig
from vla.models.mae import MAE, MAEConfig, patch_targets, split_patches

ENCODER = ClassifierConfig(image_size=32, patch=8, width=32, depth=1, heads=2, outputs=5)
TINY = MAEConfig(ENCODER, width=16, heads=2)


def drawn(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 32, 32, 3, generator=generator)
    return images, torch.rand(count, 16, generator=generator)


@pytest.mark.parametrize(("masked", "seen"), [(0.75, 4), (0.5, 8), (0.9, 2)])
def test_the_share_of_hidden_patches_is_exact(masked: float, seen: int) -> None:
    config = replace(TINY, masked=masked)
    visible, hidden, _ = split_patches(drawn(5)[1], config.visible)
    assert visible.shape == (5, seen)
    assert hidden.shape == (5, 16 - seen)
    both = torch.cat([visible, hidden], 1).sort(1).values
    assert torch.equal(both, torch.arange(16).expand(5, -1))


def test_unmasking_puts_every_patch_back_where_it_was() -> None:
    visible, hidden, back = split_patches(drawn(5)[1], 4)
    assert torch.equal(torch.cat([visible, hidden], 1).gather(1, back), torch.arange(16).expand(5, -1))


def test_targets_of_a_patch_have_no_mean_and_unit_deviation() -> None:
    targets = patch_targets(drawn()[0], 8)
    assert targets.shape == (2, 16, 192)
    torch.testing.assert_close(targets.mean(-1), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(targets.std(-1), torch.ones(2, 16), atol=1e-3, rtol=0)
    torch.testing.assert_close(patch_targets(0.5 * drawn()[0] + 0.1, 8), targets, atol=1e-3, rtol=1e-3)


def test_the_loss_counts_hidden_patches_alone() -> None:
    mae, (images, noise) = MAE(TINY), drawn()
    painted, hidden = mae.paint(images, noise)
    targets = patch_targets(images * 4 - 2, 8)
    rows = torch.arange(2)[:, None]
    by_hand = (painted[rows, hidden] - targets[rows, hidden]).square().mean()
    torch.testing.assert_close(mae(images, noise), by_hand)


def test_the_painter_never_sees_what_is_hidden() -> None:
    mae, (images, noise) = MAE(TINY), drawn(1)
    painted, hidden = mae.paint(images, noise)
    other = images.clone()
    for number in hidden[0].tolist():
        row, column = divmod(number, 4)
        other[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 0.5
    torch.testing.assert_close(mae.paint(other, noise)[0], painted)


def test_tokens_and_masks_are_painted_where_their_patches_are() -> None:
    mae, (images, noise) = MAE(TINY), drawn(2)
    mae.blocks = torch.nn.ModuleList()
    painted, hidden = mae.paint(images, noise[:1].expand(2, -1))
    # Without attention a mask knows its place alone, and a seen patch what was seen there.
    differs = (painted[0] - painted[1]).abs().amax(-1) > 1e-6
    assert set(differs.logical_not().nonzero().flatten().tolist()) == set(hidden[0].tolist())
    assert len({tuple(row.tolist()) for row in painted[0, hidden[0]]}) == 12


def test_a_few_steps_teach_it_to_paint() -> None:
    torch.manual_seed(0)
    mae, (images, noise) = MAE(TINY), drawn(4)
    images = images[:, :, :1].expand(-1, -1, 32, -1)
    optimizer = torch.optim.Adam(mae.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = mae(images, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_what_cannot_be_pre_trained_so_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="see across patches"):
        MAEConfig(replace(ENCODER, stem="hybrid"))
    with pytest.raises(ValueError, match="distillation token"):
        MAEConfig(replace(ENCODER, distilled=True))
    for masked in (0.0, 1.0):
        with pytest.raises(ValueError, match="at least one must be visible"):
            MAEConfig(ENCODER, masked=masked)
