"""Keys on disk: who this machine is, and whom its policy server answers.

A folder holds three kinds of small JSON files. ``NAME.secret`` is a CURVE key pair (mode 0600) and never
leaves the machine; ``NAME.public`` is its public half, to be carried to the other end; ``allowed.json`` lists
the public keys that a server here answers, and those it no longer does. Every file is written whole or not at
all and carries a checksum: what is damaged, or open to others when it must not be, is refused by name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from vla.bridge.key_files import KeyFileError, is_key, is_name, key_in, load, name_in, save

FOLDER_VARIABLE = "HANDILY_KEYS"
ALLOW_LIST = "allowed.json"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair; its printed form leaves the secret out.

    Attributes:
        name: Of the file it came from.
        public: 40 characters of Z85 (ZeroMQ RFC 32).
        secret: Likewise.
    """

    name: str
    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """A line of the allow-list.

    Attributes:
        name: What the person calls the holder; unique among the allowed.
        public: The holder's public key, 40 characters of Z85.
        allowed: False once revoked.
    """

    name: str
    public: str
    allowed: bool


def default_folder() -> Path:
    """Where keys live unless told otherwise: ``HANDILY_KEYS``, else ``~/.config/handily/keys``."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path.home() / ".config" / "handily" / "keys"


def fingerprint(public: str) -> str:
    """16 hexadecimal digits of SHA-256 over the key, to read aloud; the allow-list compares whole keys."""
    digest = hashlib.sha256(z85.decode(public)).hexdigest()
    return " ".join(digest[i : i + 4] for i in range(0, 16, 4))


def read_public(key_or_file: str | Path) -> tuple[str, str]:
    """A public key given as itself or as the ``NAME.public`` file that holds it.

    Returns:
        The key, and the name in the file (the first half of the fingerprint when there was no file).

    Raises:
        KeyFileError: neither a key nor a sound file.
    """
    if isinstance(key_or_file, str) and is_key(key_or_file):
        return key_or_file, fingerprint(key_or_file)[:9].replace(" ", "")
    path = Path(key_or_file)
    content = load(path, "public")
    return key_in(path, content, "public"), name_in(path, content)


def read_allow_list(path: Path) -> tuple[Grant, ...]:
    """Every grant in an allow-list, revoked ones too.

    Raises:
        KeyFileError: missing, damaged, writable by others, or one allowed name or key stands there twice.
    """
    rows = load(path, "allow-list", forbidden_mode=0o022).get("keys")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise KeyFileError(f"{path}: 'keys' is not a list of maps")
    grants: list[Grant] = []
    for row in rows:
        if not isinstance(row.get("allowed"), bool):
            raise KeyFileError(f"{path}: 'allowed' must be true or false")
        grants.append(Grant(name_in(path, row), key_in(path, row, "public"), row["allowed"]))
    names = [grant.name for grant in grants if grant.allowed]
    if len(set(names)) < len(names) or len({grant.public for grant in grants}) < len(grants):
        raise KeyFileError(f"{path}: a name or a key stands there twice")
    return tuple(grants)


class KeyStore:
    """The folder of keys; every change is on disk when a method returns."""

    def __init__(self, folder: str | Path | None = None) -> None:
        """Open without touching the disk; None means :func:`default_folder`."""
        self.folder = Path(folder) if folder is not None else default_folder()

    @property
    def allow_list(self) -> Path:
        """For :class:`~vla.bridge.authority.ServerSecurity`; absent until the first :meth:`allow`."""
        return self.folder / ALLOW_LIST

    def new(self, name: str) -> KeyPair:
        """Make a key pair.

        Args:
            name: 1 to 64 letters, digits, ``-`` and ``_``.

        Raises:
            KeyFileError: the name is taken, or is none.
        """
        _check(name)
        public, secret = (key.decode("ascii") for key in zmq.curve_keypair())
        with self._locked():
            for path in (self._secret(name), self._public(name)):
                if path.exists():
                    raise KeyFileError(f"{path} exists and is never overwritten; choose another name")
            save(self._secret(name), "secret", {"name": name, "public": public, "secret": secret}, 0o600)
            save(self._public(name), "public", {"name": name, "public": public}, 0o644)
        return KeyPair(name, public, secret)

    def pair(self, name: str) -> KeyPair:
        """The key pair made as ``name``.

        Raises:
            KeyFileError: there is none (the message lists those there are), or its file is not sound.
        """
        _check(name)
        path = self._secret(name)
        if not path.exists():
            have = ", ".join(self.names()) or "none yet"
            raise KeyFileError(f"no key {name!r} in {self.folder}; there: {have}; `handily keys new {name}`")
        content = load(path, "secret", forbidden_mode=0o077)
        pair = KeyPair(
            name_in(path, content), key_in(path, content, "public"), key_in(path, content, "secret")
        )
        if zmq.curve_public(pair.secret.encode()).decode("ascii") != pair.public:
            raise KeyFileError(f"{path}: the public key is not that of the secret key")
        return pair

    def names(self) -> list[str]:
        """Names of the key pairs here, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.secret"))

    def grants(self) -> tuple[Grant, ...]:
        """The allow-list, revoked keys too; empty when nothing was ever allowed."""
        return read_allow_list(self.allow_list) if self.allow_list.exists() else ()

    def allow(self, key_or_file: str | Path, name: str | None = None) -> Grant:
        """Let the holder of a public key in, from now on; a revoked key may come back.

        Args:
            key_or_file: As for :func:`read_public`.
            name: What to call the holder; None means as the file says.

        Raises:
            KeyFileError: not a key, or another allowed key has that name.
        """
        public, written = read_public(key_or_file)
        grant = Grant(name if name is not None else written, public, True)
        _check(grant.name)
        with self._locked():
            others = [other for other in self.grants() if other.public != public]
            if any(other.allowed and other.name == grant.name for other in others):
                raise KeyFileError(
                    f"another allowed key is called {grant.name!r}; revoke it or give name=..."
                )
            self._write([*others, grant])
        return grant

    def revoke(self, name_or_key: str) -> Grant:
        """Shut a holder out, connected or not, by name or by public key.

        Raises:
            KeyFileError: no allowed key of that name, and no key that is it.
        """
        with self._locked():
            grants = self.grants()
            for i, grant in enumerate(grants):
                if grant.public == name_or_key or (grant.allowed and grant.name == name_or_key):
                    revoked = Grant(grant.name, grant.public, False)
                    self._write([*grants[:i], revoked, *grants[i + 1 :]])
                    return revoked
        names = ", ".join(grant.name for grant in grants if grant.allowed) or "nobody"
        raise KeyFileError(f"{name_or_key!r} is not in {self.allow_list}; allowed: {names}")

    def _secret(self, name: str) -> Path:
        return self.folder / f"{name}.secret"

    def _public(self, name: str) -> Path:
        return self.folder / f"{name}.public"

    def _write(self, grants: list[Grant]) -> None:
        rows = [{"name": g.name, "public": g.public, "allowed": g.allowed} for g in grants]
        save(self.allow_list, "allow-list", {"keys": rows}, 0o644)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: a revocation must not be lost to an ``allow`` in another terminal."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _check(name: str) -> None:
    if not is_name(name):
        raise KeyFileError(f"{name!r} is not a name: 1 to 64 letters, digits, - and _")
