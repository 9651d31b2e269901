"""What can go wrong between robot and model, by name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from vla.bridge.wire import Message

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

CODES = (
    "protocol_version",
    "schema_mismatch",
    "no_session",
    "busy",
    "bad_request",
    "too_late",
    "policy_failed",
    "planner_absent",
    "planner_failed",
    "server_died",
    "connection_lost",
    "revoked",
)
"""Every code that comes from a server, from the process that should have become one, or from the client that
has lost one."""


class BridgeError(RuntimeError):
    """The other end refused or failed.

    Attributes:
        code: One of :data:`CODES`, or ``"deadline_missed"`` from :class:`DeadlineMissed`.
        lines: Details, for example one line per field in which two specs differ.
    """

    def __init__(self, code: str, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(f"{code}: {message}" + "".join(f"\n  {line}" for line in lines))
        self.code = code
        self.message = message
        self.lines = lines


class DeadlineMissed(BridgeError):  # noqa: N818  (the name is what happened)
    """No answer came within the deadline; the caller holds."""

    def __init__(self, verb: str, endpoint: str, timeout_s: float) -> None:
        super().__init__("deadline_missed", f"{endpoint} did not answer {verb!r} within {timeout_s:g} s")


def error_reply(session: str, seq: int, error: BridgeError) -> Message:
    """The message that carries ``error`` back to whoever sent request ``seq``."""
    body: dict[str, Any] = {
        "code": error.code,
        "text": one_line(error.message),
        "lines": [one_line(line) for line in error.lines[:32]],
    }
    return Message("error", session, seq, body)


def read_error(message: Message) -> BridgeError:
    """The error in an ``"error"`` message; fields that are not text are left out."""
    code, words, lines = (message.body.get(key) for key in ("code", "text", "lines"))
    known = code if isinstance(code, str) and code in CODES else "bad_request"
    details = tuple(one_line(x) for x in lines if isinstance(x, str)) if isinstance(lines, list) else ()
    return BridgeError(known, one_line(words) if isinstance(words, str) else "no reason given", details)


def one_line(words: str, limit: int = 300) -> str:
    """``words`` on one line of at most ``limit`` characters: never a traceback."""
    return " ".join(words.split())[:limit]


def guarded(code: str, call: Callable[[], _T]) -> _T:
    """``call()``, with whatever it raises turned into a :class:`BridgeError` of ``code``.

    The one place that catches everything: a served model and a peer's bytes are foreign, their failure must
    reach the robot as a code while the server lives on. The other end learns the exception's class and no
    more, since its words may name files and secrets; they and the traceback go to this process's own log.
    """
    try:
        return call()
    except Exception as error:
        _log.exception("%s", code)
        raise BridgeError(code, type(error).__name__) from error
