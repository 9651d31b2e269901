"""Which checkpoint a command means, without loading it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import policies
from vla.config import ConfigError

SHIPPED = Path(policies.__file__).resolve().parent / "checkpoints" / "tabletop"
"""The checkpoint that comes with handily."""

_MANIFEST = "manifest.json"


def shipped_planner() -> Path:
    """The folder of the planner's model that comes with handily.

    Raises:
        ConfigError: this installation lacks it.
    """
    return _shipped("planner", "model.safetensors")


def shipped_clip() -> Path:
    """The folder of the image-text model that comes with handily.

    Raises:
        ConfigError: this installation lacks it.
    """
    return _shipped("clip", _MANIFEST)


def _shipped(name: str, file: str) -> Path:
    """A folder beside :data:`SHIPPED` with that file in it; ``handily <name> train`` makes one."""
    folder = SHIPPED.with_name(name)
    if not (folder / file).is_file():
        raise ConfigError(f"{folder} holds no model; train one: handily {name} train")
    return folder


def resolve_checkpoint(named: str | None) -> Path:
    """The folder that ``checkpoint=`` names: a checkpoint, a run's newest one, or the shipped one for None.

    Raises:
        ConfigError: there is none; the message lists those nearby.
    """
    folder = SHIPPED if named is None else Path(named)
    if (folder / _MANIFEST).is_file():
        return folder
    steps = sorted(path.parent for path in folder.glob(f"step_*/{_MANIFEST}"))
    if steps:
        return steps[-1]
    near = sorted({str(path.parent) for path in Path("runs").glob(f"*/*/{_MANIFEST}")}) if named else []
    known = [*near[-5:], *([str(SHIPPED)] if (SHIPPED / _MANIFEST).is_file() else [])]
    hint = f"; there are: {', '.join(known)}" if known else ""
    raise ConfigError(f"checkpoint={folder}: no {_MANIFEST} there, so it is no checkpoint{hint}")


def model_id(folder: Path) -> str:
    """A checkpoint's name and the start of its digest: the same on every machine, and no path."""
    return f"{folder.resolve().name}@{digest(folder)[:12]}"


def weights_id(folder: Path) -> str:
    """A transformers folder's name and the start of its weights' SHA-256; "" where it is no such folder."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return ""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    return f"{folder.resolve().name}@{found.hexdigest()[:12]}"


def planner_weights_id(named: str | None) -> str:
    """:func:`weights_id` of a planner's model; None is the one that comes with handily."""
    return weights_id(shipped_planner() if named is None else Path(named))


def digest(folder: Path) -> str:
    """Hex SHA-256 of a checkpoint's manifest, which holds the SHA-256 of every file in it."""
    return hashlib.sha256((folder / _MANIFEST).read_bytes()).hexdigest()


def normalisation_digest(folder: Path) -> str:
    """Hex SHA-256, first 16 characters, of a checkpoint's scales between units and network.

    Raises:
        ConfigError: the checkpoint holds none.
    """
    path = folder / "about.json"
    try:
        scales = json.loads(path.read_text("utf-8"))["normalisation"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{path} does not say how the policy's numbers are scaled: {error!r}") from error
    text = json.dumps(scales, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def picture_size(folder: Path) -> int:
    """Side in pixels of the square pictures that a checkpoint was trained on, read without loading it.

    Raises:
        ConfigError: the checkpoint does not say so.
    """
    path = folder / "about.json"
    try:
        cameras = json.loads(path.read_text("utf-8"))["spec"]["cameras"]
        return int(next(iter(cameras.values()))[0])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise ConfigError(f"{path} does not say what pictures the policy wants: {error!r}") from error
