"""``handily keys new | allow | revoke | list``."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from vla.bridge.keys import KeyStore, fingerprint
from vla.cli.settings import configured
from vla.cli.terminal import console


@dataclass(frozen=True)
class KeysConfig:
    """Keys of ``handily keys new | revoke | list``; what they mean stands in ``configs/keys.yaml``."""

    keys: str | None


@dataclass(frozen=True)
class AllowConfig:
    """Keys of ``handily keys allow``; what they mean stands in ``configs/allow.yaml``."""

    keys: str | None
    name: str | None


def new(name: str, overrides: list[str]) -> None:
    """Make a key pair and say what to do with its public half."""
    store = KeyStore(configured("keys", overrides, KeysConfig).keys)
    pair = store.new(name)
    out = console()
    out.print(f"{store.folder / name}.public: {fingerprint(pair.public)}", markup=False)
    out.print("carry that file to the other end; the .secret file beside it stays here")


def allow(key_or_file: str, overrides: list[str]) -> None:
    """Let the holder of a key in."""
    config = configured("allow", overrides, AllowConfig)
    store = KeyStore(config.keys)
    grant = store.allow(key_or_file, config.name)
    console().print(f"{grant.name} allowed: {fingerprint(grant.public)} ({store.allow_list})", markup=False)


def revoke(name_or_key: str, overrides: list[str]) -> None:
    """Shut the holder of a key out."""
    store = KeyStore(configured("keys", overrides, KeysConfig).keys)
    grant = store.revoke(name_or_key)
    console().print(f"{grant.name} revoked: {fingerprint(grant.public)} ({store.allow_list})", markup=False)


def show(overrides: list[str]) -> None:
    """Own keys and the allow-list, by name and fingerprint."""
    store = KeyStore(configured("keys", overrides, KeysConfig).keys)
    table = Table(box=None)
    for title in ("key", "fingerprint", "is"):
        table.add_column(title)
    for name in store.names():
        table.add_row(name, fingerprint(store.pair(name).public), "own")
    for grant in store.grants():
        table.add_row(grant.name, fingerprint(grant.public), "allowed" if grant.allowed else "revoked")
    out = console()
    out.print(str(store.folder) + ("" if table.row_count else ": no keys yet"), markup=False)
    if table.row_count:
        out.print(table)
