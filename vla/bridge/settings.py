"""How a server shares its policy."""

from __future__ import annotations

from dataclasses import dataclass

from vla.bridge.sockets import HEARTBEAT_S
from vla.contract import ContractError


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server allows, and to how many.

    Attributes:
        max_batch: Most requests that a batch policy answers at once.
        batch_window_s: How long a turn waits for those whom the turn before it answered, so that robots that
            ask again at once stay together. One robot alone, and whoever asks an idle policy, never waits.
        max_sessions: Most robots at a time.
        session_timeout_s: A robot that has been silent for so long gives way to another that needs its place
            or, where the policy serves one robot at a time, the policy.
        heartbeat_s: Period of pings; a peer that is silent for three of them is disconnected.
    """

    max_batch: int = 8
    batch_window_s: float = 0.005
    max_sessions: int = 16
    session_timeout_s: float = 10.0
    heartbeat_s: float = HEARTBEAT_S

    def __post_init__(self) -> None:
        if self.max_batch < 1 or self.max_sessions < 1:
            counts = f"max_batch {self.max_batch} and max_sessions {self.max_sessions}"
            raise ContractError(f"{counts} must be at least 1")
        if not 0 <= self.batch_window_s <= 1:
            raise ContractError(f"batch_window_s {self.batch_window_s} is outside 0..1")
        if not (self.session_timeout_s > 0 and self.heartbeat_s > 0):
            times = f"session_timeout_s {self.session_timeout_s} and heartbeat_s {self.heartbeat_s}"
            raise ContractError(f"{times} must be above 0")
