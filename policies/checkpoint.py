"""Checkpoints: folders of safetensors and JSON, committed as a whole and verified when read.

A folder holds ``model.safetensors`` (the averaged weights, all that acting needs), ``about.json``,
``tokenizer.json``, ``training.safetensors`` (raw weights and optimiser, all that going on needs) and
``manifest.json`` with everyone's SHA-256. It is written beside its final name, pushed to the disk, and
renamed: a kill at any instant leaves the previous checkpoint or the new one. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from policies.config import TrainConfig, config_from_dict, config_to_dict
from policies.flow import CONVENTION
from policies.manifest import MANIFEST, CheckpointError, commit, read_verified, remove
from policies.normalisation import Normalisation
from vla.contract import ContractError, RobotSpec
from vla.models.text import InstructionTokenizer

MODEL, ABOUT, TOKENIZER, TRAINING = (
    "model.safetensors",
    "about.json",
    "tokenizer.json",
    "training.safetensors",
)
FORMAT = 1
_PREFIX = "step_"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder says.

    Attributes:
        directory: The folder.
        config: How the policy was trained; its ``model`` gives the network's sizes.
        spec: The robot it was trained for.
        normalisation: The scales.
        tokenizer: Encodes instructions.
        families: Names of the task families, in label order.
        step: Optimiser steps taken.
        notes: Further facts: versions, git revision, data, time, validation.
        weights: Averaged weights by name.
    """

    directory: Path
    config: TrainConfig
    spec: RobotSpec
    normalisation: Normalisation
    tokenizer: InstructionTokenizer
    families: tuple[str, ...]
    step: int
    notes: Mapping[str, Any]
    weights: Mapping[str, Tensor]


def save_checkpoint(
    run: Path,
    *,
    config: TrainConfig,
    spec: RobotSpec,
    normalisation: Normalisation,
    tokenizer: InstructionTokenizer,
    families: tuple[str, ...],
    step: int,
    notes: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    training: Mapping[str, Tensor],
    keep_last: int,
) -> Path:
    """Commit ``run/step_<step>`` and remove all but the ``keep_last`` newest.

    Args:
        run: Folder of the run; created.
        config, spec, normalisation, tokenizer, families, step, notes, weights: See :class:`Checkpoint`.
        training: Raw weights and optimiser state by name; empty leaves the file out.
        keep_last: At least 1.

    Returns:
        The new folder.
    """
    about = {
        "format": FORMAT,
        "flow": CONVENTION,
        "step": step,
        "families": list(families),
        "spec": spec.to_dict(),
        "normalisation": normalisation.to_dict(),
        "config": config_to_dict(config),
        "notes": {"versions": _versions(), "revision": _revision(), **notes},
    }
    files = {
        MODEL: save(_plain(weights)),
        ABOUT: json.dumps(about, indent=1).encode(),
        TOKENIZER: tokenizer.to_json().encode(),
    }
    if training:
        files[TRAINING] = save(_plain(training))
    target = run / f"{_PREFIX}{step:08d}"
    commit(target, files)
    for old in list_checkpoints(run)[:-keep_last]:
        remove(old)
    return target


def list_checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    found = run.glob(f"{_PREFIX}*") if run.is_dir() else ()
    return sorted(path for path in found if path.name[len(_PREFIX) :].isdigit())


def find_checkpoint(path: Path | str) -> Path:
    """``path`` itself where it is a checkpoint, or the newest one of the run it is.

    Raises:
        CheckpointError: it is neither.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return path
    found = list_checkpoints(path)
    if not found:
        raise CheckpointError(
            f"{path} is no checkpoint (no {MANIFEST}) and holds none (no {_PREFIX}* folder)"
        )
    return found[-1]


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read and verify what acting needs.

    Args:
        path: A checkpoint, or a run, whose newest one is taken.

    Raises:
        CheckpointError: a file is missing, differs from the manifest, or does not say what it should.
    """
    directory = find_checkpoint(path)
    about = _parse(directory, ABOUT)
    try:
        if about["format"] != FORMAT:
            raise CheckpointError(
                f"{directory / ABOUT} has format {about['format']}, this version reads {FORMAT}"
            )
        if about["flow"] != CONVENTION:
            raise CheckpointError(f"{directory / ABOUT}: flow {about['flow']!r}, expected {CONVENTION!r}")
        config = config_from_dict(about["config"])
        spec = RobotSpec.from_dict(about["spec"])
        normalisation = Normalisation.from_dict(about["normalisation"])
        families, step, notes = tuple(about["families"]), int(about["step"]), about["notes"]
    except (KeyError, TypeError, ContractError) as error:
        raise CheckpointError(f"{directory / ABOUT} is not what a checkpoint says: {error!r}") from error
    read_verified(directory, TOKENIZER)
    return Checkpoint(
        directory=directory,
        config=config,
        spec=spec,
        normalisation=normalisation,
        tokenizer=InstructionTokenizer.load(directory / TOKENIZER, config.model.text.max_tokens),
        families=families,
        step=step,
        notes=notes,
        weights=_tensors(directory, MODEL),
    )


def read_training(directory: Path) -> dict[str, Tensor]:
    """Raw weights and optimiser state of a checkpoint.

    Raises:
        CheckpointError: the file is missing (an exported checkpoint has none) or damaged.
    """
    return _tensors(directory, TRAINING)


def export_checkpoint(source: Path | str, target: Path) -> Path:
    """Copy what acting needs to ``target``, which must not exist: the form to publish.

    The folders it was trained in and from are left out; they mean nothing elsewhere.

    Raises:
        CheckpointError: the source is damaged or the target exists.
    """
    directory = find_checkpoint(source)
    if target.exists():
        raise CheckpointError(f"{target} exists already")
    about = _parse(directory, ABOUT)
    about["config"] |= dict.fromkeys(("output", "init_from", "tower_from", "reader_from"), "")
    files = {name: read_verified(directory, name) for name in (MODEL, TOKENIZER)}
    commit(target, files | {ABOUT: json.dumps(about, indent=1).encode()})
    return target


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Always row-major: the file must not depend on the memory layout a network computes in.
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _parse(directory: Path, name: str) -> dict[str, Any]:
    try:
        return json.loads(read_verified(directory, name))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{directory / name} is not JSON: {error}") from error


def _tensors(directory: Path, name: str) -> dict[str, Tensor]:
    try:
        return load(read_verified(directory, name))
    except SafetensorError as error:
        raise CheckpointError(f"{directory / name} is not safetensors: {error}") from error


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "numpy", "safetensors", "tokenizers", "diffusers")}


def _revision() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
