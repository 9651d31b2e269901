"""Who is answered: real CURVE sockets, a real allow-list, and every kind of stranger."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from vla.bridge import authority, wire
from vla.bridge.authority import ClientSecurity, ServerSecurity, check_endpoint
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError, DeadlineMissed
from vla.bridge.keys import KeyPair, KeyStore
from vla.bridge.remote import RemotePolicy
from vla.bridge.server import PolicyServer
from vla.bridge.wire import Message
from vla.conformance import sample_observation
from vla.contract import ActionChunk, ContractError, RobotSpec

SILENCE_S = 0.25


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """The server's keys; the robot ``arm`` is allowed, ``stranger`` has a key but is not."""
    made = KeyStore(tmp_path / "keys")
    for name in ("server", "arm", "stranger"):
        made.new(name)
    made.allow(made.folder / "arm.public")
    return made


@pytest.fixture
def security(store: KeyStore) -> ServerSecurity:
    return ServerSecurity(store.pair("server"), store.allow_list)


@pytest.fixture
def server(policy, security: ServerSecurity) -> Iterator[PolicyServer]:
    stop = threading.Event()
    with PolicyServer(policy, model_id="echo", security=security) as made:
        thread = threading.Thread(target=made.serve, args=(stop,))
        thread.start()
        yield made
        stop.set()
        thread.join()


@pytest.fixture
def connect(server: PolicyServer, store: KeyStore, spec: RobotSpec) -> Iterator[Callable[..., BridgeClient]]:
    """A client with the named key pair, not greeted yet."""
    made: list[BridgeClient] = []

    def start(name: str, timeout_s: float = 5.0) -> BridgeClient:
        keys = ClientSecurity(store.pair(name), store.pair("server").public)
        made.append(BridgeClient(server.endpoint, spec, timeout_s, security=keys))
        return made[-1]

    yield start
    for client in made:
        client.close()


def silent(client: BridgeClient, server: PolicyServer) -> bool:
    """No answer to ``hello``, and no trace of it at the server."""

    def trace() -> dict[str, object]:
        return {name: value for name, value in server.health().items() if name != "uptime_s"}

    before = trace()
    client.timeout_s = SILENCE_S
    with pytest.raises(DeadlineMissed, match="hello"):
        client.hello()
    return trace() == before


def test_an_allowed_key_is_answered(connect, spec: RobotSpec) -> None:
    client = connect("arm")
    assert client.hello().model_id == "echo"
    client.request_act(sample_observation(spec), "go")
    (reply,) = client.poll(5.0)
    assert isinstance(reply.value, ActionChunk)


def test_an_unknown_key_meets_silence(connect, server: PolicyServer) -> None:
    assert silent(connect("stranger"), server)
    assert connect("arm").hello()


def test_a_client_without_keys_meets_silence(server: PolicyServer, spec: RobotSpec) -> None:
    with BridgeClient(server.endpoint, spec) as client:
        assert silent(client, server)


def test_a_client_that_trusts_another_server_gives_nothing_away(
    server: PolicyServer, store: KeyStore, spec: RobotSpec
) -> None:
    keys = ClientSecurity(store.pair("arm"), store.pair("stranger").public)
    with BridgeClient(server.endpoint, spec, security=keys) as client:
        assert silent(client, server)


@pytest.mark.parametrize("mechanism", ["NULL with a domain", "PLAIN"])
def test_another_mechanism_meets_silence(server: PolicyServer, spec: RobotSpec, mechanism: str) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        if mechanism == "PLAIN":
            socket.plain_username, socket.plain_password = b"arm", b"arm"
        else:
            socket.zap_domain = b"handily"
        socket.connect(server.endpoint)
        socket.send_multipart(wire.encode(Message("hello", "s", 1, {"spec": spec.to_dict()})))
        assert not socket.poll(int(SILENCE_S * 1000))
    assert server.health()["sessions"] == 0


def test_a_revoked_key_is_refused_within_a_second_although_connected(
    connect, store: KeyStore, server
) -> None:
    client, bystander = connect("arm"), connect("stranger")
    client.hello()
    store.allow(store.folder / "stranger.public")
    bystander.hello()
    client.reset(1)
    store.revoke("arm")
    revoked = time.monotonic()
    with pytest.raises(BridgeError) as refusal:
        client.reset(2)
    assert time.monotonic() - revoked < 1.0
    assert refusal.value.code == "revoked"
    with pytest.raises(BridgeError, match="revoked"):
        client.hello()
    bystander.reset(3)
    health = server.health()
    assert (health["revoked"], health["sessions"]) == (2, 1)


def test_a_policy_never_sees_what_a_revoked_key_asks(
    connect, store: KeyStore, policy, spec: RobotSpec
) -> None:
    client = connect("arm")
    client.hello()
    robot = RemotePolicy(client)
    robot.act(sample_observation(spec, 0, 1.0), "go")
    store.revoke("arm")
    with pytest.raises(BridgeError, match="revoked"):
        robot.act(sample_observation(spec, 0, 2.0), "go")
    assert policy.stamps == [1.0]


def test_a_revoked_key_cannot_come_back_until_it_is_allowed_again(connect, store: KeyStore, server) -> None:
    assert connect("arm").hello()
    store.revoke("arm")
    assert silent(connect("arm"), server)
    store.allow(store.folder / "arm.public")
    assert connect("arm").hello()


def test_a_key_allowed_later_needs_no_restart(connect, store: KeyStore, server: PolicyServer) -> None:
    client = connect("stranger")
    assert silent(client, server)
    store.allow(store.folder / "stranger.public")
    client.timeout_s = 5.0
    assert client.hello()


@pytest.mark.parametrize("harm", ["damaged", "missing", "writable by others", "a folder"])
def test_an_unsound_allow_list_admits_nobody_and_says_so_once(
    connect, store: KeyStore, security: ServerSecurity, server, caplog, harm: str
) -> None:
    client = connect("arm")
    client.hello()
    sound = store.allow_list.read_bytes()
    if harm == "damaged":
        store.allow_list.write_bytes(sound.replace(b"true", b"tru3"))
    elif harm == "writable by others":
        store.allow_list.chmod(0o666)
    else:
        store.allow_list.unlink()
        if harm == "a folder":
            store.allow_list.mkdir()
    with caplog.at_level(logging.ERROR, authority.__name__):
        for _ in range(3):
            with pytest.raises(BridgeError, match="revoked"):
                client.health()
        assert silent(connect("arm"), server)
    (record,) = [r for r in caplog.records if r.name == authority.__name__ and r.levelno == logging.ERROR]
    assert str(store.allow_list) in record.getMessage()
    if harm == "a folder":
        store.allow_list.rmdir()
    store.allow_list.unlink(missing_ok=True)
    store.allow_list.write_bytes(sound)
    assert security.admits(store.pair("arm").public)
    assert connect("arm").hello()


def test_a_change_of_the_same_size_and_time_is_seen(store: KeyStore, security: ServerSecurity) -> None:
    arm = store.pair("arm").public
    assert security.admits(arm)
    about = store.allow_list.stat()
    store.revoke("arm")
    padded = store.allow_list.read_bytes().ljust(about.st_size)
    store.allow_list.write_bytes(padded[: max(about.st_size, len(padded.rstrip()))])
    os.utime(store.allow_list, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert not security.admits(arm)


def test_without_its_handler_the_server_answers_nobody(
    connect,
    security: ServerSecurity,
    monkeypatch: pytest.MonkeyPatch,
    policy,
    spec: RobotSpec,
    store: KeyStore,
) -> None:
    monkeypatch.setattr(ServerSecurity, "_guard", lambda self, handler: handler.close())
    stop = threading.Event()
    with PolicyServer(policy, security=security) as deaf:
        thread = threading.Thread(target=deaf.serve, args=(stop,))
        thread.start()
        keys = ClientSecurity(store.pair("arm"), security.public)
        with BridgeClient(deaf.endpoint, spec, security=keys) as client:
            assert silent(client, deaf)
        stop.set()
        thread.join()


def test_one_call_sets_everything_or_refuses(security: ServerSecurity) -> None:
    # Terminated, not destroyed, as a server does it: the handler's socket is its thread's to close.
    context = zmq.Context()
    with context.socket(zmq.ROUTER) as socket, context.socket(zmq.ROUTER) as second:
        security.protect(socket)
        assert socket.mechanism == zmq.CURVE
        assert socket.zap_domain == b"handily"
        assert socket.getsockopt(zmq.ZAP_ENFORCE_DOMAIN) == 1
        with pytest.raises(ContractError, match="already has a ZAP handler"):
            security.protect(second)
        assert second.mechanism == zmq.NULL
    context.term()


GOOD = [b"1.0", b"7", b"handily", b"127.0.0.1", b"id", b"CURVE", b"key"]


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"2.0"), (2, b"*"), (2, b""), (2, b"other"), (5, b"NULL"), (5, b"PLAIN"), (6, b""), (6, b"x" * 33)],
)
def test_the_handler_admits_nothing_but_an_allowed_curve_key(
    security: ServerSecurity, store: KeyStore, place: int, value: bytes
) -> None:
    arm = store.pair("arm").public
    request = [*GOOD[:6], authority.z85.decode(arm)]
    assert security._verdict(request)[1:5] == [b"7", b"200", b"OK", arm.encode()]
    request[place] = value
    assert security._verdict(request)[2] == b"300"
    for broken in ([], request[:1], request[:6], [*request, b"more"]):
        assert security._verdict(broken)[2] == b"300"


def test_strangers_cannot_fill_the_log(security: ServerSecurity, caplog) -> None:
    with caplog.at_level(logging.WARNING, authority.__name__):
        for i in range(1000):
            security._verdict([*GOOD[:6], i.to_bytes(32)])
            security._verdict([*GOOD[:6], i.to_bytes(32)])
    assert 0 < len(caplog.records) <= 64


def test_secrets_stay_out_of_sight(security: ServerSecurity, store: KeyStore) -> None:
    keys = ClientSecurity(store.pair("arm"), security.public)
    for shown in (repr(security), str(vars(security)), repr(keys), str(vars(keys))):
        assert store.pair("server").secret not in shown
        assert store.pair("arm").secret not in shown


def test_a_server_key_that_is_none_is_refused() -> None:
    with pytest.raises(ContractError, match="Z85"):
        ClientSecurity(KeyPair("arm", "x", "y"), "short")


LOOPBACK = [
    "tcp://127.0.0.1:0",
    "tcp://127.8.9.10:5555",
    "tcp://localhost:5555",
    "tcp://[::1]:0",
    "tcp://127.0.0.1:*",
]
BEYOND = [
    "tcp://0.0.0.0:0",
    "tcp://*:5555",
    "tcp://[::]:0",
    "tcp://192.168.1.5:5555",
    "tcp://[fe80::1]:5555",
    "tcp://[::ffff:127.0.0.1]:5555",
    "tcp://[::ffff:0.0.0.0]:5555",
    "tcp://robot.example:5555",
    "tcp://eth0:5555",
    "tcp://lo:5555",
    "tcp://127.1:5555",
    "tcp://0:5555",
    "tcp://localhost.example:5555",
]
NONSENSE = [
    "x",
    "",
    "ipc:///tmp/x",
    "inproc://x",
    "udp://127.0.0.1:5",
    "tcp://127.0.0.1",
    "tcp://:5",
    "tcp://::1:5",
    "tcp://127.0.0.1:5;tcp://0.0.0.0:5",
    "tcp://0.0.0.0@127.0.0.1:5",
    "tcp://127.0.0.1:5\n",
    "tcp://127.0.0.1:5/x",
]


@pytest.mark.parametrize("endpoint", LOOPBACK)
def test_loopback_needs_no_keys(endpoint: str) -> None:
    check_endpoint(endpoint, secure=False)
    check_endpoint(endpoint, secure=True)


@pytest.mark.parametrize("endpoint", BEYOND)
def test_nothing_leaves_the_machine_without_keys(endpoint: str, policy, spec: RobotSpec) -> None:
    check_endpoint(endpoint, secure=True)
    with pytest.raises(ContractError, match="handily keys new"):
        PolicyServer(policy, endpoint=endpoint)
    with pytest.raises(ContractError, match="handily keys new"):
        BridgeClient(endpoint, spec)


@pytest.mark.parametrize("endpoint", NONSENSE)
@pytest.mark.parametrize("secure", [True, False])
def test_only_tcp_in_its_plain_spelling_is_an_endpoint(endpoint: str, secure: bool) -> None:
    with pytest.raises(ContractError, match="not tcp://HOST:PORT"):
        check_endpoint(endpoint, secure)


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::1]"])
def test_with_keys_every_interface_may_be_bound(policy, security, store, spec, host: str) -> None:
    stop = threading.Event()
    with PolicyServer(policy, endpoint=f"tcp://{host}:0", security=security) as server:
        thread = threading.Thread(target=server.serve, args=(stop,))
        thread.start()
        port = server.endpoint.rpartition(":")[2]
        near = host if host == "[::1]" else "127.0.0.1"
        keys = ClientSecurity(store.pair("arm"), security.public)
        with BridgeClient(f"tcp://{near}:{port}", spec, timeout_s=5.0, security=keys) as client:
            assert client.hello()
        stop.set()
        thread.join()


def test_there_is_no_verb_that_stops_or_loads() -> None:
    assert set(wire.VERBS) == {"hello", "act", "plan", "reset", "health", "goodbye", "error"}


def test_closing_a_protected_server_leaves_no_thread(policy, security: ServerSecurity) -> None:
    before = threading.active_count()
    for _ in range(5):
        PolicyServer(policy, security=security).close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
