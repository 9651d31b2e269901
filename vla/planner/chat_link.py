"""One JSON request to a server that may be slow, broken or hostile: it ends in time, whatever comes."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from vla.bridge.backoff import Backoff
from vla.contract import ContractError

KEY_VARIABLE: Final = "HANDILY_API_KEY"
"""Environment variable with the key, where a server wants one."""
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What a server may say that another try can mend."""
_LONGEST_WAIT_S: Final = 10.0
_SHOWN: Final = 300


class ChatError(ContractError):
    """A chat server cannot be reached, or says what is no answer. The message never holds the key."""

    def __init__(self, message: str, status: int = 0) -> None:
        """A failure; ``status`` is HTTP's where the server gave one, else 0."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """How long, how often and how much.

    Attributes:
        timeout_s: For one try, from the first byte to the last.
        tries: At most; only what may pass by itself (overload, a lost connection) is tried again.
        most_bytes: A longer reply is refused.
        plain_http: Permit http:// to another machine, where everyone on the way reads picture and key.
    """

    timeout_s: float = 30.0
    tries: int = 3
    most_bytes: int = 1_000_000
    plain_http: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < float("inf"):
            raise ContractError(f"timeout_s {self.timeout_s} must be positive and finite")
        if self.tries < 1 or self.most_bytes < 1:
            raise ContractError(f"tries {self.tries} and most_bytes {self.most_bytes} must be at least 1")


@dataclass(frozen=True, slots=True)
class ChatAddress:
    """Where a server is.

    Attributes:
        secure: https.
        host: Name or address.
        port: TCP port.
        path: In front of every resource, without a slash at the end, such as ``/v1``.
        model: The model's name there, the part behind ``#``; "" where there is none.
    """

    secure: bool
    host: str
    port: int
    path: str
    model: str

    @property
    def url(self) -> str:
        """Without the model."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.path}"

    @classmethod
    def parse(cls, url: str, plain_http: bool = False) -> ChatAddress:
        """``http://127.0.0.1:11434/v1#llava:7b``; without a path it is ``/v1``.

        Raises:
            ChatError: it is no such address, holds a password, or is plain http to another machine although
                that was not permitted.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ChatError(f"{url!r} is no address: {error}") from error
        if parts.username is not None or parts.password is not None:
            raise ChatError(
                "a chat server's address holds no name and password; the key comes from the environment"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ChatError(f"{url!r} is no address like http://127.0.0.1:8000/v1 or https://HOST/v1#MODEL")
        secure = parts.scheme == "https"
        if not (secure or plain_http or _is_loopback(parts.hostname)):
            raise ChatError(
                f"{url!r} is plain http to another machine: pictures and key would travel in the open; use "
                "https, or permit it with plain_http=true"
            )
        path = parts.path.rstrip("/") or "/v1"
        if any(ord(letter) <= 32 or ord(letter) > 126 for letter in path):
            raise ChatError(f"{url!r} has a path with a letter that no address has")
        return cls(secure, parts.hostname, port or (443 if secure else 80), path, unquote(parts.fragment))


def _is_loopback(host: str) -> bool:
    """Only ``localhost`` and addresses written out in full: a name may mean anything tomorrow."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ChatLink:
    """Speaks JSON to one server, a connection per request.

    Args:
        address: Where it is.
        key: Sent as a bearer token, or "" for none.
        limits: How long, how often and how much.
        sleep: Waits between tries.
    """

    def __init__(
        self,
        address: ChatAddress,
        key: str = "",
        limits: ChatLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if any(ord(letter) < 32 or ord(letter) > 126 for letter in key):
            raise ChatError("the key holds a character that no header may hold")
        self._address, self._key, self._limits = address, key, limits or ChatLimits()
        self._sleep = sleep

    def ask(self, resource: str, body: dict[str, Any] | None = None) -> Any:
        """The server's JSON: POST with a ``body``, GET without one.

        Args:
            resource: Behind the address's path, such as ``/chat/completions``.
            body: JSON types.

        Raises:
            ChatError: no answer within the limits, an answer that is an error, or one that is no JSON.
        """
        backoff = Backoff(0.5, _LONGEST_WAIT_S / 2)
        for last in (*[False] * (self._limits.tries - 1), True):
            wait_s = backoff.next_s()
            try:
                status, told_s, content = self._once(resource, body)
            except (OSError, http.client.HTTPException) as error:
                if last:
                    why = str(error) or type(error).__name__
                    raise ChatError(self._hidden(f"{self._address.url} does not answer: {why}")) from error
            else:
                if status == 200:
                    return self._json(content)
                if last or status not in _LATER:
                    said = " ".join(content.decode("utf-8", "replace").split())[:_SHOWN]
                    raise ChatError(
                        self._hidden(f"{self._address.url}{resource} says {status}: {said}"), status
                    )
                wait_s = max(wait_s, min(told_s, _LONGEST_WAIT_S))
            self._sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def _once(self, resource: str, body: dict[str, Any] | None) -> tuple[int, float, bytes]:
        """Status, seconds to wait if the server said so, and content of one try.

        Raises:
            ChatError: more than so many bytes came.
            OSError: the network failed, or time ran out.
            http.client.HTTPException: that was no HTTP, or not all of it.
        """
        kind = http.client.HTTPSConnection if self._address.secure else http.client.HTTPConnection
        connection = kind(self._address.host, self._address.port, timeout=self._limits.timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        began_s = time.monotonic()
        connection.connect()
        with connection.sock as plug, _Deadline(plug, began_s + self._limits.timeout_s) as deadline:
            try:
                connection.request(
                    "GET" if data is None else "POST", self._address.path + resource, data, headers
                )
                response = connection.getresponse()
                with response:
                    content = response.read(self._limits.most_bytes + 1)
            except (OSError, http.client.HTTPException) as error:
                if deadline.passed:
                    raise TimeoutError(f"no answer within {self._limits.timeout_s} s") from error
                raise
            if deadline.passed:
                raise TimeoutError(f"no answer within {self._limits.timeout_s} s")
        if len(content) > self._limits.most_bytes:
            raise ChatError(f"{self._address.url} sends more than {self._limits.most_bytes} bytes")
        length = response.length
        if length:
            raise http.client.IncompleteRead(content, length)
        return response.status, _seconds(response.headers.get("Retry-After", "")), content

    def _json(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            shown = content[:80].decode("utf-8", "replace")
            raise ChatError(self._hidden(f"{self._address.url} says what is no JSON: {shown!r}")) from error

    def _hidden(self, message: str) -> str:
        """Some servers repeat the key in what they complain about."""
        return message.replace(self._key, "***") if self._key else message


class _Deadline:
    """Cuts a connection at a moment: a timeout of each read lets a server drip for ever."""

    def __init__(self, plug: socket.socket, at_s: float) -> None:
        self._plug = plug
        self._timer = threading.Timer(max(0.0, at_s - time.monotonic()), self._cut)
        self._timer.daemon = True
        self.passed = False

    def _cut(self) -> None:
        self.passed = True
        try:
            self._plug.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
