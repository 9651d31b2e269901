"""The operator's end: commands a robot's station, or only watches it."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any, Self

import zmq

from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.runtime.station import MAX_BYTES


class Operator:
    """A connection to a :class:`~vla.runtime.station.RobotStation`, for one thread.

    Watching and the emergency stop need nothing; everything else needs the lease, see :meth:`take`. Whoever
    holds it must :meth:`observe` at least once per second, else the robot stops.
    """

    def __init__(self, endpoint: str, timeout_s: float = 2.0) -> None:
        """Connect lazily to ``endpoint``; every call waits at most ``timeout_s``."""
        self._endpoint, self._timeout_s = endpoint, timeout_s
        self._numbers = itertools.count(1)
        self._token = ""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.maxmsgsize = 64 * MAX_BYTES
        self._socket.connect(endpoint)

    def take(self, name: str) -> None:
        """Take the lease under ``name``.

        Raises:
            BridgeError: code ``refused``: somebody else holds it; ``deadline_missed``: no answer (so do all).
        """
        self._token = str(self._ask("take", name=name)["token"])

    def release(self, successor: str | None = None) -> None:
        """Give the lease up; where ``successor`` is named, only an operator of that name may take it next."""
        self._ask("release", token=self._token, successor=successor)
        self._token = ""

    def run(self, goal: str, seed: int = 0) -> int:
        """Begin to carry out ``goal``; returns the run's number, shown by :meth:`observe` when it is over."""
        return int(self._ask("run", token=self._token, goal=goal, seed=seed)["run"])

    def stop(self) -> None:
        """End the run under way; the arm slows down and holds."""
        self._ask("stop", token=self._token)

    def resume(self) -> None:
        """End a protective stop."""
        self._ask("resume", token=self._token)

    def emergency_stop(self, reason: str) -> None:
        """Stop the robot, whoever holds the lease."""
        self._ask("emergency_stop", reason=reason)

    def reset(self) -> None:
        """End an emergency stop; nothing moves."""
        self._ask("reset", token=self._token)

    def observe(self) -> dict[str, Any]:
        """The robot's status as JSON types; renews the lease of who holds it."""
        return self._ask("observe", token=self._token)

    def close(self) -> None:
        """Disconnect; twice is fine."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        seq = next(self._numbers)
        self._socket.send(json.dumps({"verb": verb, "seq": seq, **arguments}).encode())
        deadline = time.monotonic() + self._timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            if not self._socket.poll(int(1000 * left_s) + 1):
                break
            reply = json.loads(self._socket.recv())
            if reply.pop("seq", None) != seq:
                continue  # to a question given up earlier
            if not reply.pop("ok", False):
                raise BridgeError("refused", str(reply.get("error", "no reason given")))
            return reply
        raise DeadlineMissed(verb, self._endpoint, self._timeout_s)
