"""One controller at a time: a lease that must be renewed, and is never taken from its holder."""

from __future__ import annotations

import hmac
import secrets

from vla.contract import ContractError
from vla.runtime.clock import Clock


class LeaseError(ContractError):
    """The lease is not this caller's; the message names the holder."""


class Lease:
    """Who may command the robot.

    Whoever takes the free lease gets a token; every command shows it and thereby renews the lease. Nobody can
    take it from its holder: it becomes free when it is released, or has not been renewed for ``lasts_s``. A
    holder may name a successor, for whom alone it is then free.
    """

    def __init__(self, clock: Clock, lasts_s: float = 2.0) -> None:
        """A free lease; not renewed for ``lasts_s`` it is free again."""
        self._clock, self._lasts_s = clock, lasts_s
        self._holder: str | None = None
        self._token = ""
        self._renewed_s = clock.now_s()
        self._successor: str | None = None

    @property
    def holder(self) -> str | None:
        """Name of who holds the lease; None while it is free."""
        if self._holder is not None and self._clock.now_s() - self._renewed_s > self._lasts_s:
            self._free(None)
        return self._holder

    def take(self, name: str) -> str:
        """Take the lease under ``name``; returns the token.

        Raises:
            LeaseError: somebody holds it, or it is kept for somebody else.
        """
        holder = self.holder
        if holder is not None:
            raise LeaseError(
                f"{holder!r} holds the lease; only its release or hand-over gives it to {name!r}"
            )
        kept = self._successor is not None and self._clock.now_s() - self._renewed_s <= self._lasts_s
        if kept and name != self._successor:
            raise LeaseError(f"the lease is kept for {self._successor!r}, not for {name!r}")
        self._holder, self._token, self._successor = name, secrets.token_hex(16), None
        self._renewed_s = self._clock.now_s()
        return self._token

    def renew(self, token: str) -> None:
        """Show the token, which renews the lease.

        Raises:
            LeaseError: the token is not the holder's.
        """
        holder = self.holder
        if holder is None or not hmac.compare_digest(
            token.encode(errors="surrogatepass"), self._token.encode()
        ):
            who = "nobody holds the lease" if holder is None else f"{holder!r} holds the lease"
            raise LeaseError(f"{who}, and this token is not its holder's; take it first")
        self._renewed_s = self._clock.now_s()

    def release(self, token: str, successor: str | None = None) -> None:
        """Give the lease up; for ``lasts_s`` only ``successor`` may take it, where one is named.

        Raises:
            LeaseError: the token is not the holder's.
        """
        self.renew(token)
        self._free(successor)

    def _free(self, successor: str | None) -> None:
        self._holder, self._token, self._successor = None, "", successor
