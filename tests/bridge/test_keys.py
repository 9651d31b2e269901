"""Key files: private, whole, checked, and never overwritten."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest
import zmq

from vla.bridge import key_files
from vla.bridge.key_files import KeyFileError
from vla.bridge.keys import KeyStore, default_folder, fingerprint, read_allow_list, read_public

STRANGER = zmq.curve_keypair()[0].decode()


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_pair_comes_back_as_it_was_made(store: KeyStore) -> None:
    made = store.new("arm-1_b")
    assert store.pair("arm-1_b") == made
    assert zmq.curve_public(made.secret.encode()).decode() == made.public
    assert store.names() == ["arm-1_b"]


def test_only_the_owner_can_read_secrets_and_nobody_sees_them_printed(store: KeyStore) -> None:
    pair = store.new("arm")
    assert mode(store.folder) == 0o700
    assert mode(store.folder / "arm.secret") == 0o600
    assert pair.secret not in repr(pair)
    assert pair.secret not in (store.folder / "arm.public").read_text()


def test_a_key_is_never_overwritten(store: KeyStore) -> None:
    made = store.new("arm")
    with pytest.raises(KeyFileError, match=r"arm\.secret"):
        store.new("arm")
    (store.folder / "arm.secret").rename(store.folder / "kept")
    with pytest.raises(KeyFileError, match=r"arm\.public"):
        store.new("arm")
    (store.folder / "kept").rename(store.folder / "arm.secret")
    assert store.pair("arm") == made


@pytest.mark.parametrize(
    "name", ["", "../arm", "a/b", ".hidden", "a b", "-arm", "a.b", "a" * 65, "ärm", "a\n"]
)
def test_a_name_is_not_a_path(store: KeyStore, name: str) -> None:
    for call in (store.new, store.pair, lambda name: store.allow(STRANGER, name)):
        with pytest.raises(KeyFileError, match="not a name"):
            call(name)
    assert not store.folder.exists()


@pytest.mark.parametrize("wide", [0o640, 0o604, 0o660, 0o610, 0o601])
def test_a_secret_that_others_can_reach_is_refused(store: KeyStore, wide: int) -> None:
    store.new("arm")
    (store.folder / "arm.secret").chmod(wide)
    with pytest.raises(KeyFileError, match=r"arm\.secret.*chmod 600"):
        store.pair("arm")


@pytest.mark.parametrize("wide", [0o664, 0o646])
def test_an_allow_list_that_others_can_write_is_refused(store: KeyStore, wide: int) -> None:
    store.allow(STRANGER)
    store.allow_list.chmod(wide)
    with pytest.raises(KeyFileError, match=r"allowed\.json.*chmod 644"):
        store.grants()


def test_a_damaged_byte_anywhere_in_any_file_is_noticed(store: KeyStore) -> None:
    made = store.new("arm")
    store.allow(store.folder / "arm.public")
    readers = {
        store.folder / "arm.secret": lambda: store.pair("arm"),
        store.folder / "arm.public": lambda: read_public(store.folder / "arm.public"),
        store.allow_list: store.grants,
    }
    for path, read in readers.items():
        sound = path.read_bytes()
        for i in range(0, len(sound), 3):
            path.write_bytes(sound[:i] + bytes([sound[i] ^ 1]) + sound[i + 1 :])
            with pytest.raises(KeyFileError, match=path.name) as refusal:
                read()
            assert made.secret[:8] not in str(refusal.value)
        for end in range(0, len(sound) - 2, 7):
            path.write_bytes(sound[:end])
            with pytest.raises(KeyFileError):
                read()
        path.write_bytes(sound)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("secret", "short"),
        ("secret", 40 * "~"),
        ("secret", 40 * "#"),
        ("secret", None),
        ("public", STRANGER),
        ("public", 3),
        ("name", "../arm"),
        ("format", 2),
        ("handily", "public"),
    ],
)
def test_a_wrong_field_is_refused_although_the_checksum_fits(
    store: KeyStore, field: str, value: object
) -> None:
    store.new("arm")
    path = store.folder / "arm.secret"
    document = json.loads(path.read_text()) | {field: value}
    del document["checksum"]
    document["checksum"] = key_files._checksum(document)
    path.write_text(json.dumps(document))
    with pytest.raises(KeyFileError, match=r"arm\.secret"):
        store.pair("arm")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"[" * 10**5, b"\xff", b" " * (2 << 20), b"1e9999"])
def test_a_file_that_is_no_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(KeyFileError, match="not a public file"):
        read_public(tmp_path / "x")


def test_a_file_of_any_depth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.public"
    for depth in range(700, 1000):  # one of them can still be read, and not be written again
        path.write_text(f'{{"handily": "public", "format": 1, "x": {"[" * depth}{"]" * depth}}}')
        with pytest.raises(KeyFileError, match=r"not a public file|the checksum differs"):
            read_public(path)


def test_a_missing_key_names_the_choices(store: KeyStore) -> None:
    store.new("arm")
    with pytest.raises(KeyFileError, match="there: arm"):
        store.pair("leg")


def test_allowing_and_revoking_leave_a_record(store: KeyStore, tmp_path: Path) -> None:
    robot = KeyStore(tmp_path / "robot").new("arm")
    store.allow(tmp_path / "robot" / "arm.public")
    store.allow(STRANGER, "guest")
    assert {(g.name, g.allowed) for g in store.grants()} == {("arm", True), ("guest", True)}
    assert store.revoke("guest").public == STRANGER
    assert store.revoke(robot.public).name == "arm"
    assert not any(g.allowed for g in store.grants())
    store.allow(robot.public, "arm")
    assert [(g.name, g.allowed) for g in store.grants()] == [("guest", False), ("arm", True)]
    with pytest.raises(KeyFileError, match=r"'nobody'.*allowed: arm"):
        store.revoke("nobody")


def test_a_name_means_one_allowed_key(store: KeyStore) -> None:
    other = zmq.curve_keypair()[0].decode()
    store.allow(STRANGER, "arm")
    with pytest.raises(KeyFileError, match="'arm'"):
        store.allow(other, "arm")
    store.revoke("arm")
    store.allow(other, "arm")
    assert store.revoke("arm").public == other


def test_an_allow_list_with_a_key_twice_is_refused(store: KeyStore) -> None:
    store.folder.mkdir()
    rows = [{"name": name, "public": STRANGER, "allowed": name == "a"} for name in ("a", "b")]
    key_files.save(store.allow_list, "allow-list", {"keys": rows}, 0o644)
    with pytest.raises(KeyFileError, match="twice"):
        read_allow_list(store.allow_list)


def test_a_damaged_allow_list_is_not_written_over(store: KeyStore) -> None:
    store.allow(STRANGER)
    store.allow_list.write_text("{}")
    for change in (lambda: store.allow(STRANGER), lambda: store.revoke(STRANGER)):
        with pytest.raises(KeyFileError):
            change()
    assert store.allow_list.read_text() == "{}"


def test_writers_at_once_lose_no_change(store: KeyStore) -> None:
    keys = [zmq.curve_keypair()[0].decode() for _ in range(12)]
    for key in keys[:6]:
        store.allow(key)
    work = [lambda key=key: store.revoke(key) for key in keys[:6]]
    work += [lambda key=key: store.allow(key) for key in keys[6:]]
    threads = [threading.Thread(target=change) for change in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {g.public: g.allowed for g in store.grants()} == {key: key in keys[6:] for key in keys}


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.allow(STRANGER, "arm")
    before = store.allow_list.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(key_files.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        store.revoke("arm")
    assert store.allow_list.read_bytes() == before
    assert sorted(path.name for path in store.folder.iterdir()) == [".lock", "allowed.json"]


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANDILY_KEYS", str(tmp_path))
    assert KeyStore().folder == tmp_path
    monkeypatch.delenv("HANDILY_KEYS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".config" / "handily" / "keys"


def test_a_fingerprint_depends_on_the_key_alone() -> None:
    assert fingerprint(STRANGER) == fingerprint(STRANGER)
    assert fingerprint(STRANGER) != fingerprint(zmq.curve_keypair()[0].decode())
    assert len(fingerprint(STRANGER).replace(" ", "")) == 16
