import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from policies.distillation import distillation_loss


def test_a_teacher_that_says_the_labels_makes_it_plain_cross_entropy() -> None:
    logits, labels = torch.randn(1, 6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    loss = distillation_loss(logits.expand(2, -1, -1), labels, 5.0 * one_hot(labels, 4))
    torch.testing.assert_close(loss, cross_entropy(logits[0], labels))


def test_each_token_learns_from_its_own_teacher() -> None:
    labels, said = torch.tensor([0, 1]), torch.tensor([2, 2])
    right = 20.0 * torch.stack([one_hot(labels, 4), one_hot(said, 4)]).float()
    assert distillation_loss(right, labels, one_hot(said, 4).float()) < 1e-6
    assert distillation_loss(right.flip(0), labels, one_hot(said, 4).float()) > 10


def test_only_the_teachers_choice_counts() -> None:
    logits, labels, said = torch.randn(2, 6, 4), torch.zeros(6, dtype=torch.int64), torch.randn(6, 4)
    assert distillation_loss(logits, labels, said) == distillation_loss(logits, labels, 0.1 * said - 3)


def test_pictures_without_labels_teach_the_distillation_token_alone() -> None:
    logits, labels, said = torch.randn(2, 6, 4), torch.tensor([0, 1]), torch.randn(6, 4)
    loss = distillation_loss(logits, labels, said)
    other = logits.clone()
    other[0, 2:] = torch.randn(4, 4)
    assert distillation_loss(other, labels, said) == loss
    other[1, 2:] = torch.randn(4, 4)
    assert distillation_loss(other, labels, said) != loss


def test_a_network_without_a_distillation_token_is_refused() -> None:
    with pytest.raises(ValueError, match="1 heads, expected 2"):
        distillation_loss(torch.randn(1, 6, 4), torch.zeros(6, dtype=torch.int64), torch.randn(6, 4))
