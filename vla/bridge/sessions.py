"""Who a server talks to, and whose turn a policy with a memory follows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from vla.bridge.errors import BridgeError


@dataclass(slots=True, eq=False)
class Episode:
    """What a reset begins: a row of seeds, one per act.

    They come from the reset's seed and the number of acts since, and from nothing else: an answer does not
    depend on who else asks.

    Attributes:
        seed: Of the reset.
        acts: Begun since. Only the thread that acts may count.
    """

    seed: int
    acts: int = 0

    def next_seed(self) -> int:
        """The seed of the next act, 0 to 2**63 - 1: BLAKE2b of ``seed:acts``."""
        digest = hashlib.blake2b(f"{self.seed}:{self.acts}".encode(), digest_size=8).digest()
        self.acts += 1
        return int.from_bytes(digest, "big") >> 1


@dataclass(slots=True, eq=False)
class Session:
    """One robot, from its ``hello`` on.

    Attributes:
        identity: Of its connection.
        name: Chosen by the robot; who knows it may take the session over after a lost connection.
        images: How its pictures cross.
        last_seq: The highest request number heard.
        heard_s: When it was last heard, on the server's monotonic clock.
        episode: Replaced by a reset.
    """

    identity: bytes
    name: str
    images: str
    last_seq: int
    heard_s: float
    episode: Episode


class Sessions:
    """At most so many robots; a newcomer never displaces one that still talks."""

    def __init__(self, most: int, timeout_s: float) -> None:
        """Nobody yet.

        Args:
            most: Sessions at the same time.
            timeout_s: A session that has been silent for so long gives way to another that needs its place.
        """
        self._most, self._timeout_s = most, timeout_s
        self._by_identity: dict[bytes, Session] = {}
        self._holder: Session | None = None

    def __len__(self) -> int:
        return len(self._by_identity)

    def find(self, identity: bytes) -> Session | None:
        """The session of a connection."""
        return self._by_identity.get(identity)

    def alive(self, session: Session) -> bool:
        """False once it was closed or replaced."""
        return self._by_identity.get(session.identity) is session

    def open(self, new: Session, resumes: Collection[str]) -> Session | None:
        """Add ``new``.

        Args:
            new: It takes the place of its connection's earlier session.
            resumes: Names of sessions, perhaps of another connection: the episode and the hold on the policy
                of the one that is there go over to ``new``. Unknown names are of sessions that have expired,
                or that never came to be.

        Returns:
            The session that was resumed, now closed.

        Raises:
            BridgeError: code ``busy``: there are too many, and none has been silent for long.
        """
        old = next((s for s in self._by_identity.values() if s.name in resumes), None)
        replaced = self._by_identity.get(new.identity)
        if old is None and replaced is None and len(self) >= self._most:
            idlest = min(self._by_identity.values(), key=lambda session: session.heard_s)
            if new.heard_s - idlest.heard_s < self._timeout_s:
                raise BridgeError("busy", f"{self._most} robots are being served, no more are allowed")
            self.close(idlest)
        held = old is not None and self._holder is old
        for gone in (old, replaced):
            if gone is not None:
                self.close(gone)
        self._by_identity[new.identity] = new
        if old is not None:
            new.episode = old.episode
            self._holder = new if held else self._holder
        return old

    def close(self, session: Session) -> None:
        """Forget a session and its hold on the policy; twice is fine."""
        if self.alive(session):
            del self._by_identity[session.identity]
        if self._holder is session:
            self._holder = None

    def hold(self, session: Session, now_s: float) -> None:
        """Let ``session`` have the policy to itself: what one robot was told must not mix with another's.

        Raises:
            BridgeError: code ``busy``: another holds it, and has been heard within the timeout.
        """
        holder = self._holder
        if holder is not None and holder is not session and now_s - holder.heard_s < self._timeout_s:
            raise BridgeError("busy", "the policy serves one robot at a time, and another has it")
        self._holder = session
