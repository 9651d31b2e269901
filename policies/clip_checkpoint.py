"""Checkpoints of an image-text model: the same committed folders as a policy's, without a robot in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from policies.checkpoint import ABOUT, MODEL, TOKENIZER, TRAINING, find_checkpoint, list_checkpoints
from policies.device import choose_device
from policies.manifest import CheckpointError, commit, read_verified, remove
from vla.models.clip import CLIP, CLIPConfig, TrainedCLIP
from vla.models.text import InstructionTokenizer

FORMAT = "handily-clip-1"


@dataclass(frozen=True)
class CLIPCheckpoint:
    """What a checkpoint folder says.

    Attributes:
        directory: The folder.
        model: Sizes of the network.
        tokenizer: Encodes captions.
        step: Optimiser steps taken.
        notes: How it was trained.
        weights: Averaged weights by name.
    """

    directory: Path
    model: CLIPConfig
    tokenizer: InstructionTokenizer
    step: int
    notes: Mapping[str, Any]
    weights: Mapping[str, Tensor]


def save_clip(
    run: Path,
    *,
    model: CLIPConfig,
    tokenizer: InstructionTokenizer,
    step: int,
    notes: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    training: Mapping[str, Tensor],
    keep_last: int,
) -> Path:
    """Commit ``run/step_<step>`` and remove all but the ``keep_last`` newest; returns the new folder.

    Args:
        run: Folder of the run; created.
        model, tokenizer, step, notes, weights: See :class:`CLIPCheckpoint`.
        training: Raw weights and optimiser state by name; empty leaves the file out.
        keep_last: At least 1.
    """
    about = {"format": FORMAT, "step": step, "model": asdict(model), "notes": dict(notes)}
    files = {
        MODEL: save(_plain(weights)),
        ABOUT: json.dumps(about, indent=1).encode(),
        TOKENIZER: tokenizer.to_json().encode(),
    }
    if training:
        files[TRAINING] = save(_plain(training))
    target = run / f"step_{step:08d}"
    commit(target, files)
    for old in list_checkpoints(run)[:-keep_last]:
        remove(old)
    return target


def read_clip(path: Path | str) -> CLIPCheckpoint:
    """Read and verify a checkpoint, or a run's newest one.

    Raises:
        CheckpointError: a file is missing or damaged, or it is another kind of checkpoint.
    """
    directory = find_checkpoint(path)
    try:
        about = json.loads(read_verified(directory, ABOUT))
        if about["format"] != FORMAT:
            raise CheckpointError(
                f"{directory} has format {about['format']!r}, an image-text model has {FORMAT!r}"
            )
        model, step, notes = _build(CLIPConfig, about["model"]), int(about["step"]), about["notes"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{directory / ABOUT} is not what a checkpoint says: {error!r}") from error
    read_verified(directory, TOKENIZER)
    return CLIPCheckpoint(
        directory=directory,
        model=model,
        tokenizer=InstructionTokenizer.load(directory / TOKENIZER, model.text.max_tokens),
        step=step,
        notes=notes,
        weights=read_tensors(directory, MODEL),
    )


def read_tensors(directory: Path, name: str = TRAINING) -> dict[str, Tensor]:
    """The tensors of one file of a checkpoint.

    Raises:
        CheckpointError: it is missing (an exported checkpoint has no training state) or damaged.
    """
    try:
        return load(read_verified(directory, name))
    except SafetensorError as error:
        raise CheckpointError(f"{directory / name} is not safetensors: {error}") from error


def load_clip(path: Path | str, device: str = "auto") -> TrainedCLIP:
    """A checkpoint, ready to look.

    Raises:
        CheckpointError: see :func:`read_clip`; or the weights do not fit.
    """
    checkpoint = read_clip(path)
    network = CLIP(checkpoint.model)
    try:
        network.load_state_dict(dict(checkpoint.weights))
    except RuntimeError as error:
        raise CheckpointError(f"{checkpoint.directory} does not fit the network: {error}") from error
    return TrainedCLIP(network.to(choose_device(device)), checkpoint.tokenizer)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _build(kind: type[Any], data: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(
        **{
            name: _build(hints[name], value) if is_dataclass(hints[name]) else value
            for name, value in data.items()
        }
    )
