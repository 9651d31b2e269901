"""The small JSON files that hold keys: written whole or not at all, checksummed, and read with suspicion."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmq.utils import z85

from vla.contract import ContractError

_FORMAT = 1
_MAX_FILE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


class KeyFileError(ContractError):
    """A key file is missing, damaged, too widely readable, or would be overwritten; the message names it."""


def save(path: Path, kind: str, content: Mapping[str, Any], mode: int) -> None:
    """Replace ``path``; a kill at any instant leaves the old file or the new one.

    Args:
        path: In a folder that exists.
        kind: What :func:`load` must be asked for.
        content: JSON values, ASCII.
        mode: Permission bits of the new file, which is never wider than 0600 before it is complete.
    """
    document = {"handily": kind, "format": _FORMAT, **content}
    document["checksum"] = _checksum(document)
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path, kind: str, forbidden_mode: int = 0) -> dict[str, Any]:
    """The content of a file written by :func:`save`.

    Args:
        path: Which file.
        kind: As saved.
        forbidden_mode: Permission bits that the file must not have.

    Raises:
        KeyFileError: unreadable, of another kind or format, damaged, or too wide a mode.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            raw = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    if excess := mode & forbidden_mode:
        raise KeyFileError(f"{path}: mode {mode:04o} lets others in; chmod {mode & ~excess:o} {path}")
    try:
        document = json.loads(raw.decode("ascii")) if len(raw) <= _MAX_FILE_BYTES else None
        if not isinstance(document, dict):
            document = {}
        written, checksum = document.pop("checksum", None), _checksum(document)
    except (ValueError, RecursionError):
        document, written, checksum = {}, None, ""
    if (document.get("handily"), document.get("format")) != (kind, _FORMAT):
        raise KeyFileError(f"{path}: not a {kind} file of format {_FORMAT}")
    if written != checksum:
        raise KeyFileError(f"{path}: damaged or edited by hand, the checksum differs")
    return document


def is_key(words: str) -> bool:
    """True for 40 characters of Z85 that stand for 32 bytes."""
    if not _KEY.fullmatch(words):
        return False
    try:
        z85.decode(words)
    except struct.error:  # five characters can spell more than four bytes hold
        return False
    return True


def is_name(words: str) -> bool:
    """True for 1 to 64 letters, digits, ``-`` and ``_``, the first a letter or a digit."""
    return _NAME.fullmatch(words) is not None


def key_in(path: Path, content: Mapping[str, Any], field: str) -> str:
    """``content[field]``, a key, else :class:`KeyFileError`; the value is not quoted, it may be a secret."""
    value = content.get(field)
    if not isinstance(value, str) or not is_key(value):
        raise KeyFileError(f"{path}: {field!r} is not a key of 40 Z85 characters")
    return value


def name_in(path: Path, content: Mapping[str, Any]) -> str:
    """``content["name"]``, a name, else :class:`KeyFileError`."""
    value = content.get("name")
    if not isinstance(value, str) or not is_name(value):
        raise KeyFileError(f"{path}: 'name' is not 1 to 64 letters, digits, - and _")
    return value


def _checksum(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON: against damage, not against forgery."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode("ascii")).hexdigest()
