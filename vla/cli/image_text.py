"""Which image-text model a command means."""

from __future__ import annotations

from pathlib import Path

from policies.checkpoint import list_checkpoints
from policies.clip_checkpoint import load_clip
from policies.device import choose_device
from policies.manifest import MANIFEST
from vla.cli.checkpoints import shipped_clip
from vla.models.clip import ImageTextModel


def image_text_model(name: str | None, device: str) -> ImageTextModel:
    """The model that ``model=`` or ``--model`` names: ours where there is a checkpoint, else pretrained.

    Args:
        name: A checkpoint, a run, a folder or a model's name; None means the one that comes with handily.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ConfigError: none came with handily.
        CheckpointError: the checkpoint is damaged or another kind of one.
        ContractError: no such model; or the device is not there.
    """
    folder = shipped_clip() if name is None else Path(name)
    if (folder / MANIFEST).is_file() or list_checkpoints(folder):
        return load_clip(folder, device)
    from vla.models.pretrained_clip import load_pretrained

    return load_pretrained(str(name), str(choose_device(device)))
