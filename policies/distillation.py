"""Distillation through a token (DeiT, arXiv 2012.12877, eq. 3): hard decisions of a convolutional teacher."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


def distillation_loss(logits: Tensor, labels: Tensor, teacher: Tensor) -> Tensor:
    """Half what the class token owes to the labels, half what the distillation token owes to the teacher.

    Args:
        logits: (2, B, K), the class token's, then the distillation token's.
        labels: Classes (L,) of the first L pictures; the others have none, and teach the distillation token
            alone. In the paper L = B.
        teacher: The teacher's logits (B, K) for the same pictures; only the largest of each row counts.

    Returns:
        Mean cross-entropy in nats.

    Raises:
        ValueError: the network has no distillation token.
    """
    if len(logits) != 2:
        raise ValueError(f"logits have {len(logits)} heads, expected 2: class token, distillation token")
    return (
        cross_entropy(logits[0, : len(labels)], labels) + cross_entropy(logits[1], teacher.argmax(-1))
    ) / 2
