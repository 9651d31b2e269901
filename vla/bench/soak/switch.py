"""A word in a file: how the judge tells another process which faults hold now."""

from __future__ import annotations

import os
from pathlib import Path


class Switch:
    """Set by one process, read by another; a reader sees the old word or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self, word: str) -> None:
        """From now on :meth:`read` gives ``word``, in any process."""
        draft = self._path.with_name(self._path.name + ".part")
        draft.write_text(word)
        os.replace(draft, self._path)

    def read(self) -> str:
        """The word that holds now; empty before the first."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""
