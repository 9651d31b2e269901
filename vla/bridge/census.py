"""msgpack, read from a stranger: how much may be in one message, whatever its bytes say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from vla.contract import ContractError


class Census:
    """Hooks for ``msgpack.unpackb`` that end a flood of small values early, and admit plain types alone.

    A byte can stand for a whole map: 64 KiB of them would take 4 MiB and 10 ms. Two readers of a repeated key
    might take different values, so there must be none; nor are there any extension types.
    """

    def __init__(self, most: int, error: type[ContractError]) -> None:
        """For one message of at most ``most`` values, containers and what is in them; ``error`` is raised."""
        self._most = self._left = most
        self._error = error

    def list(self, items: list[Any]) -> list[Any]:
        """A ``list_hook``."""
        self._count(len(items))
        return items

    def map(self, pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
        """An ``object_pairs_hook``."""
        self._count(len(pairs))
        found = dict(pairs)
        if len(found) != len(pairs):
            raise self._error("a map holds the same key twice")
        return found

    def extension(self, kind: int, data: bytes) -> NoReturn:
        """An ``ext_hook``: ``max_ext_len=0`` lets those through that hold no bytes."""
        raise self._error(f"an extension type, {kind}")

    def _count(self, inside: int) -> None:
        self._left -= 1 + inside
        if self._left < 0:
            raise self._error(f"more than {self._most} values in one message")
