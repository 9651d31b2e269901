"""How well a network does on episodes it has not seen, without moving anything."""

from __future__ import annotations

import torch
from torch import Tensor

from policies.algorithm import Algorithm
from policies.batches import BatchSource
from policies.normalisation import Normalisation, relative_axes, tool_position
from policies.objectives import named_things
from vla.contract import RobotSpec
from vla.models.vla import VLA


@torch.no_grad()
def validate(
    network: VLA,
    algorithm: Algorithm,
    normalisation: Normalisation,
    spec: RobotSpec,
    source: BatchSource,
    samples: int,
    bf16: bool,
    seed: int = 0,
) -> dict[str, float]:
    """Open-loop errors of sampled chunks, and how well instructions are grounded.

    Args:
        network: Evaluated in evaluation mode; left in the mode it came in.
        algorithm: Samples chunks.
        normalisation: Scales of the training set.
        spec: The robot.
        source: Held-out samples, not augmented.
        samples: How many to draw.
        bf16: Whether to compute in bf16.
        seed: Fixes the samples and the noise.

    Returns:
        ``action``: mean error in standard deviations of the training set; ``action_mm_first``, ``_middle``,
        ``_last`` and ``action_mm``: mean distance of the commanded tool position by row and over all rows,
        and ``gripper_mm``, for robots that are commanded in metres; ``target_cm`` and ``destination_cm``:
        median distance of the places, and ``target_within_2cm`` as a share; ``done_accuracy``,
        ``done_recall`` and ``family_accuracy`` and ``kind_accuracy`` (of the things in the pictures) as
        shares.
    """
    device = next(network.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    was_training = network.training
    network.eval()
    metres = [a for a, _ in relative_axes(spec) if spec.action[a].unit == "m"]
    grippers = [
        a for a, axis in enumerate(spec.action) if axis.name.startswith("gripper_") and axis.unit == "m"
    ]
    parts: dict[str, list[Tensor]] = {}
    size = min(samples, 64)
    for number in range(-(-samples // size)):
        batch = source.batch([seed, number], size).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            text = network.read(batch.tokens, batch.mask)
            tool = tool_position(spec, batch.state)
            images = batch.images.to(torch.bfloat16 if bf16 else torch.float32) / 255
            context = network.encode(images, normalisation.state(batch.state), tool, text, batch.mask)
            noise = torch.randn(batch.actions.shape, generator=generator, device=device)
            chunks = algorithm.sample(network, context, noise)
        actions = normalisation.decode(chunks.float(), batch.state)
        off = torch.where(batch.valid[..., None], 1000 * (actions - batch.actions), torch.nan)
        wrong = (chunks.float() - normalisation.encode(batch.actions, batch.state)).abs().mean(-1)
        miss = 100 * (context.grounded.position - batch.places).norm(dim=-1)
        judged = batch.done.isfinite()
        logits, labels = named_things(network, context.maps, batch.things)
        right = ((context.grounded.done > 0) == (batch.done > 0.5)).float()
        for name, value in {
            "action": wrong[batch.valid],
            "rows": off[..., metres].norm(dim=-1),
            "gripper": off[..., grippers].abs().mean(-1),
            "target": miss[..., 0].flatten(),
            "destination": miss[..., 1].flatten(),
            "done": right[judged],
            "recall": right[judged & (batch.done > 0.5)],
            "kind": (logits[0].argmax(-1) == labels[0]).float(),
            "family": (context.grounded.family.argmax(-1) == batch.family).float().flatten(),
        }.items():
            parts.setdefault(name, []).append(value)
    network.train(was_training)
    gathered = {name: torch.cat(values) for name, values in parts.items()}
    target = gathered["target"]
    metrics = {"action": float(gathered["action"].mean())}
    if metres:
        rows = gathered["rows"].nanmean(0)
        metrics |= {
            "action_mm": float(gathered["rows"].nanmean()),
            "action_mm_first": float(rows[0]),
            "action_mm_middle": float(rows[len(rows) // 2]),
            "action_mm_last": float(rows[-1]),
        }
    if grippers:
        metrics["gripper_mm"] = float(gathered["gripper"].nanmean())
    return metrics | {
        "target_cm": float(target.nanmedian()),
        "target_within_2cm": float((target[target.isfinite()] < 2).float().mean()),
        "destination_cm": float(gathered["destination"].nanmedian()),
        "done_accuracy": float(gathered["done"].mean()),
        "done_recall": float(gathered["recall"].mean()),
        "family_accuracy": float(gathered["family"].mean()),
        "kind_accuracy": float(gathered["kind"].mean()),
    }
