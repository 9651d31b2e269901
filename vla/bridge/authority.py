"""Who may speak over the bridge: CURVE on the wire, an allow-list at the door, and nothing in the open.

CURVE alone only encrypts: libzmq answers any key unless a ZAP handler (ZeroMQ RFC 27) says otherwise. So
keys, domain and handler are set by one call, and ``zap_enforce_domain`` makes libzmq shut the door when the
handler is gone. An admitted peer's key comes with each of its messages as ``User-Id``.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import threading
from pathlib import Path

import zmq
from zmq.utils import z85

from vla.bridge.key_files import KeyFileError, is_key
from vla.bridge.keys import KeyPair, read_allow_list
from vla.contract import ContractError

_DOMAIN = b"handily"
_ZAP_ADDRESS = "inproc://zeromq.zap.01"
_REFUSED = b"300"
_MAX_NOTED = 64
_ENDPOINT = re.compile(r"tcp://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9*._-]+)):(?:\d{1,5}|\*)")
_log = logging.getLogger(__name__)


class ServerSecurity:
    """The server's key and its allow-list, which is looked at anew for every question.

    A revocation therefore counts from the next message on. An allow-list that is missing, damaged or
    writable by others admits nobody, is logged once, and counts again as soon as it is sound.
    """

    def __init__(self, key: KeyPair, allow_list: Path) -> None:
        """Read nothing yet.

        Args:
            key: The server's own, from :meth:`vla.bridge.keys.KeyStore.pair`.
            allow_list: From :attr:`vla.bridge.keys.KeyStore.allow_list`.
        """
        self._key = key
        self._path = allow_list
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._allowed: frozenset[str] = frozenset()
        self._complaint = ""
        self._noted: set[str] = set()

    @property
    def public(self) -> str:
        """The key that clients must expect, 40 characters of Z85."""
        return self._key.public

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Demand CURVE and an allowed key on ``socket``; call before ``bind``, once per ZeroMQ context.

        The handler's thread ends when the socket's context is terminated.

        Raises:
            ContractError: the context already has a ZAP handler.
        """
        handler = socket.context.socket(zmq.REP)
        handler.linger = 0
        try:
            handler.bind(_ZAP_ADDRESS)
        except zmq.ZMQError as error:
            handler.close()
            raise ContractError("this ZeroMQ context already has a ZAP handler") from error
        threading.Thread(target=self._guard, args=(handler,), name="zap", daemon=True).start()
        socket.curve_server = True
        socket.curve_secretkey = self._key.secret.encode("ascii")
        socket.zap_domain = _DOMAIN
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)

    def admits(self, user_id: str) -> bool:
        """Whether the holder of that public key is allowed now."""
        return user_id in self._current()

    def _current(self) -> frozenset[str]:
        with self._lock:
            try:
                about = os.stat(self._path)
                seen = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
                if seen != self._seen:
                    self._allowed = frozenset(g.public for g in read_allow_list(self._path) if g.allowed)
                    self._seen, self._complaint = seen, ""
                    self._noted.clear()
            except (OSError, KeyFileError) as error:
                self._allowed, self._seen = frozenset(), None
                if str(error) != self._complaint:
                    self._complaint = str(error)
                    _log.error("nobody is admitted: %s", error)
            return self._allowed

    def _note(self, sender: str, address: bytes) -> None:
        """Log a refusal once per key and allow-list, and 64 at most: strangers shall not fill the disk."""
        with self._lock:
            if sender in self._noted or len(self._noted) >= _MAX_NOTED:
                return
            self._noted.add(sender)
        _log.warning("turned away %s from %s", sender, address.decode("ascii", "replace"))

    def _guard(self, handler: zmq.Socket[bytes]) -> None:
        with handler:
            while True:
                try:
                    handler.send_multipart(self._verdict(handler.recv_multipart()))
                except zmq.ContextTerminated:
                    return

    def _verdict(self, request: list[bytes]) -> list[bytes]:
        """The reply to one ZAP request: version, id, domain, address, routing id, mechanism, credentials.

        A refusal is a "temporary failure" (300): the peer hears nothing and libzmq lets it knock again later,
        so that a key allowed meanwhile needs no restart. After a 400 a DEALER never tries again.
        """
        number = request[1] if len(request) > 1 else b""
        try:
            version, _, domain, address, _, mechanism, key = request
        except ValueError:
            return [b"1.0", number, _REFUSED, b"only CURVE with one key", b"", b""]
        fits = (version, domain, mechanism, len(key)) == (b"1.0", _DOMAIN, b"CURVE", 32)
        sender = z85.encode(key).decode("ascii") if fits else ""
        if fits and self.admits(sender):
            return [b"1.0", number, b"200", b"OK", sender.encode("ascii"), b""]
        self._note(sender or mechanism.hex()[:16], address)
        return [b"1.0", number, _REFUSED, b"not allowed", b"", b""]


def user_id(frame: zmq.Frame) -> str:
    """The key of the peer that sent ``frame`` over a protected socket, "" for an unknown one."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


class ClientSecurity:
    """A robot's key pair and the one server key that it trusts."""

    def __init__(self, key: KeyPair, server_public: str) -> None:
        """Take keys that are already in memory.

        Args:
            key: The robot's own; the server must allow its public half.
            server_public: 40 characters of Z85, see :func:`vla.bridge.keys.read_public`.

        Raises:
            ContractError: ``server_public`` is not a key.
        """
        if not is_key(server_public):
            raise ContractError("server_public is not a key of 40 Z85 characters")
        self._key = key
        self._server_public = server_public

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Speak CURVE on ``socket``, to that server only; call before ``connect``."""
        socket.curve_publickey = self._key.public.encode("ascii")
        socket.curve_secretkey = self._key.secret.encode("ascii")
        socket.curve_serverkey = self._server_public.encode("ascii")


def check_endpoint(endpoint: str, secure: bool) -> None:
    """Refuse to speak in the open beyond this machine.

    Args:
        endpoint: ``tcp://HOST:PORT``, IPv6 in brackets; ``*`` stands for every interface, or any free port.
        secure: Whether keys are in use. Then any TCP endpoint will do.

    Raises:
        ContractError: not such an endpoint, or not loopback although no keys are in use. Only ``localhost``
            and addresses written out in full count as loopback: a name may mean anything tomorrow.
    """
    parts = _ENDPOINT.fullmatch(endpoint)
    if parts is None:
        raise ContractError(
            f"endpoint {endpoint!r} is not tcp://HOST:PORT; on loopback tcp://127.0.0.1:5555, say"
        )
    host = parts[1] or parts[2]
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not secure and not loopback:
        raise ContractError(
            f"endpoint {endpoint!r} is not loopback, and without keys nothing leaves this machine: make a "
            "key at each end with `handily keys new NAME`, let the robot in with `handily keys allow` at the "
            "server, and give key=NAME; or use tcp://127.0.0.1:PORT"
        )
