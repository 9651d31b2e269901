"""Parts of a network that another begins with: image towers and text encoders, wherever they were taught."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from policies.checkpoint import find_checkpoint, read_checkpoint
from policies.clip_checkpoint import FORMAT, read_clip
from policies.manifest import CheckpointError
from vla.models.scene import SceneEyes
from vla.models.text import InstructionTokenizer, TextEncoder
from vla.models.vit import ViT

_TOWER, _READER = "vision.", "text."


def borrow_tower(tower: ViT, source: str) -> None:
    """Begin with another image tower, as far as it has the same parts.

    A tower with more blocks keeps its own beyond those of the source, one with fewer takes the first of them;
    cameras are counted from the first, and those that the source does not have keep their own embeddings.

    Args:
        tower: Takes the weights over.
        source: A policy's checkpoint, an image-text model's, or a planner's folder.

    Raises:
        CheckpointError: the source is damaged, or its tower has other sizes.
    """
    found, own = _part(_weights_of(source), _TOWER), tower.state_dict()
    taken = {name: found[name] for name in own.keys() & found.keys()}
    if taken and taken["camera"].shape[1:] == own["camera"].shape[1:]:
        theirs, mine = taken["camera"], own["camera"]
        taken["camera"] = torch.cat([theirs[: len(mine)], mine[len(theirs) :]])
    wrong = [name for name, tensor in taken.items() if tensor.shape != own[name].shape]
    if wrong or not taken:
        raise CheckpointError(f"{source}: its image tower has other sizes, see {sorted(wrong) or 'vision.*'}")
    tower.load_state_dict(taken, strict=False)


def borrow_reader(reader: TextEncoder, source: str) -> None:
    """Begin with another text encoder, whose tokenizer is :func:`tokenizer_of`.

    Raises:
        CheckpointError: the source is damaged, has no text encoder of this kind, or one of other sizes.
    """
    try:
        reader.load_state_dict(_part(_weights_of(source), _READER))
    except RuntimeError as error:
        raise CheckpointError(f"{source}: its text encoder does not fit: {error}") from error


def tokenizer_of(source: str) -> InstructionTokenizer:
    """The words of a policy or of an image-text model.

    Raises:
        CheckpointError: the source is neither, or damaged.
    """
    return read_clip(source).tokenizer if _is_clip(source) else read_checkpoint(source).tokenizer


def eyes_of(source: str) -> SceneEyes | None:
    """A planner's eyes, or None where the source is something else.

    Raises:
        ContractError: it is a damaged planner.
    """
    if not (Path(source) / "config.json").is_file():
        return None
    from vla.models.llava import load_small_llava  # transformers' LLaVA takes seconds to import

    return load_small_llava(source)[0].model.vision_tower.eyes


def _weights_of(source: str) -> Mapping[str, Tensor]:
    if (eyes := eyes_of(source)) is not None:
        return eyes.state_dict()
    return read_clip(source).weights if _is_clip(source) else read_checkpoint(source).weights


def _is_clip(source: str) -> bool:
    about = find_checkpoint(source) / "about.json"
    return about.is_file() and f'"{FORMAT}"' in about.read_text(encoding="utf-8")


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): x for name, x in weights.items() if name.startswith(prefix)}
