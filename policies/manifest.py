"""Folders committed as a whole: every file with its SHA-256, on the disk before the folder has its name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "manifest.json"


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or does not fit. The message names the file."""


def commit(target: Path, files: Mapping[str, bytes]) -> None:
    """Make ``target`` a folder of ``files`` and their manifest, in one instant, replacing an older one."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = json.dumps({"sha256": digests}, indent=1).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(".partial-*"):
        shutil.rmtree(left)
    partial = target.parent / f".partial-{target.name}"
    partial.mkdir()
    for name, data in {**files, MANIFEST: manifest}.items():
        with (partial / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(partial)
    if target.exists():
        remove(target)
    partial.rename(target)
    _sync(target.parent)


def remove(directory: Path) -> None:
    """Delete a committed folder."""
    # Renamed first: a kill in the middle must not leave half a folder under a checkpoint's name.
    doomed = directory.with_name(f".partial-old-{directory.name}")
    directory.rename(doomed)
    shutil.rmtree(doomed)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_verified(directory: Path, name: str) -> bytes:
    """The bytes of a file whose digest the folder's manifest lists.

    Raises:
        CheckpointError: the file or the manifest is missing or damaged.
    """
    try:
        digests = json.loads((directory / MANIFEST).read_bytes())["sha256"]
        expected = digests[name]
        data = (directory / name).read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"{error.filename} is missing") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{directory / MANIFEST} is damaged or does not list {name}") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise CheckpointError(f"{directory / name} is damaged: its SHA-256 differs from {MANIFEST}")
    return data
