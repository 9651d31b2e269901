"""What the network is trained for: the policy's own loss, and what labels teach beside it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from policies.algorithm import Algorithm
from policies.augmentation import Light
from policies.batches import Batch
from policies.config import LossConfig
from policies.normalisation import Normalisation, tool_position
from vla.contract import RobotSpec
from vla.models.grounding import Grounded
from vla.models.vla import VLA, Context


def heat_loss(heat: Tensor, uv: Tensor) -> Tensor:
    """Cross-entropy of heatmaps against labels spread bilinearly over the four nearest cells.

    The spread makes the soft-argmax of a perfect heatmap equal to the label, finer than a cell.

    Args:
        heat: Logits (..., G, G), rows first.
        uv: Labels (..., 2); those that are NaN or outside [0, 1) do not count.

    Returns:
        Mean over labels in nats, 0 when there is none.
    """
    grid = heat.shape[-1]
    seen = ((uv >= 0) & (uv < 1)).all(-1)
    logs = heat.flatten(-2)[seen].float().log_softmax(-1)
    spot = (uv[seen] * grid - 0.5).clamp(0, grid - 1)
    low = spot.floor().clamp(max=grid - 2)
    part = spot - low
    column, row = low.long().unbind(-1)
    loss = heat.new_zeros((), dtype=torch.float32)
    for i in (0, 1):
        for j in (0, 1):
            weight = (part[:, 0] if i else 1 - part[:, 0]) * (part[:, 1] if j else 1 - part[:, 1])
            picked = logs.gather(-1, ((row + j) * grid + column + i)[:, None]).squeeze(-1)
            loss = loss - (weight * picked).sum()
    return loss / seen.sum().clamp(min=1)


def grounding_losses(grounded: Grounded, batch: Batch) -> dict[str, Tensor]:
    """The supervised parts, each a mean over what is labelled; see ``LossConfig`` for their units."""
    known = batch.places.isfinite().all(-1)
    label = torch.where(known[..., None], batch.places, grounded.position.detach())
    miss = smooth_l1_loss(10 * grounded.position, 10 * label, reduction="none", beta=0.2).sum(-1)
    judged = batch.done.isfinite()
    done = binary_cross_entropy_with_logits(grounded.done, batch.done.nan_to_num(), reduction="none")
    return {
        "heat": heat_loss(grounded.heat, batch.uv),
        "position": (miss * known).sum() / known.sum().clamp(min=1),
        "family": cross_entropy(grounded.family.flatten(0, 1), batch.family.flatten()),
        "done": (done * judged).sum() / judged.sum().clamp(min=1),
    }


def named_things(
    network: VLA, maps: Tensor, things: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What the network takes labelled things for, and what they are; arguments as in :func:`naming_losses`.

    Returns:
        Logits of kind and colour (N, ...) and labels (N,), -1 where unknown, over the N things in a picture.
    """
    cameras = maps.shape[1]
    uv = things[:, :, 2:].unflatten(-1, (cameras, 2)).transpose(1, 2)
    labels = things[:, None, :, :2].expand(-1, cameras, -1, -1).long()
    seen = ((uv >= 0) & (uv < 1)).all(-1) & (labels[..., 0] > 0)
    kind, colour = network.name(maps, torch.where(seen[..., None], uv, 0.5))
    return (kind[seen], colour[seen]), (labels[seen][:, 0], labels[seen][:, 1])


def naming_losses(network: VLA, maps: Tensor, things: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of what stands where: each a mean over the things in a picture, 0 when there is none.

    Args:
        network: Names them.
        maps: (B, C, G, G, D), see :class:`vla.models.vla.Context`.
        things: As in :class:`policies.batches.Batch`.
    """
    logits, labels = named_things(network, maps, things)
    losses = {}
    for i, name in enumerate(("kind", "colour")):
        known = labels[i] >= 0
        loss = cross_entropy(logits[i][known], labels[i][known], reduction="sum")
        losses[name] = loss / known.sum().clamp(min=1)
    return losses


class TrainStep(nn.Module):
    """A batch in, losses out: the module that a training loop wraps, averages and differentiates."""

    def __init__(
        self,
        network: VLA,
        algorithm: Algorithm,
        normalisation: Normalisation,
        spec: RobotSpec,
        weights: LossConfig,
    ) -> None:
        super().__init__()
        self.network = network
        self.light = Light(next(iter(spec.cameras.values())))
        self._algorithm, self._normalisation = algorithm, normalisation
        self._spec, self._weights = spec, weights

    def forward(self, batch: Batch, stills: Batch | None = None) -> dict[str, Tensor]:
        """Scalar losses by name; ``total`` is the weighted sum to differentiate.

        Args:
            batch: Demonstrations; they teach everything.
            stills: Scenes without motion; they teach what labels teach, with the demonstrations' weight.
        """
        network = self.network
        context, losses = self._understand(batch)
        chunks = self._normalisation.encode(batch.actions, batch.state)
        action = self._algorithm.loss(network, context, chunks, batch.valid)
        if stills is not None:
            losses = {name: (losses[name] + value) / 2 for name, value in self._understand(stills)[1].items()}
        losses = {"action": action, **losses}
        total = torch.stack([getattr(self._weights, name) * value for name, value in losses.items()]).sum()
        return {"total": total, **losses}

    def _understand(self, batch: Batch) -> tuple[Context, dict[str, Tensor]]:
        """Look and read, and what the labels say of that."""
        device = batch.images.device
        fast = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if fast else torch.float32
        images = self.light(batch.images, batch.light, dtype)
        network, scale = self.network, self._normalisation
        text = network.read(batch.tokens, batch.mask)
        tool = tool_position(self._spec, batch.state)
        context = network.encode(images, scale.state(batch.state), tool, text, batch.mask)
        losses = grounding_losses(context.grounded, batch) | naming_losses(
            network, context.maps, batch.things
        )
        return context, losses
