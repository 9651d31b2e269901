"""D6: whatever differs is refused at hello, by name, before anything could move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import zmq

from vla.bridge import images, server, wire
from vla.bridge.client import BridgeClient
from vla.bridge.errors import BridgeError
from vla.bridge.schema import Schema, Wish
from vla.bridge.wire import Message
from vla.conformance import sample_observation
from vla.contract import Axis, ContractError, RobotSpec

Change = Callable[[RobotSpec], RobotSpec]


def axis(kind: str, **change: object) -> Change:
    """The first axis of a vector with one field changed."""

    def changed(spec: RobotSpec) -> RobotSpec:
        first, *rest = getattr(spec, kind)
        return replace(spec, **{kind: (replace(first, **change), *rest)})

    return changed


def field(**change: object) -> Change:
    return lambda spec: replace(spec, **change)


ONE_FIELD: dict[str, Change] = {
    "name": field(name="other"),
    "control_hz": field(control_hz=19.0),
    "semantics": field(semantics="delta_tool"),
    "cameras.arm": field(cameras={"front": (8, 6)}),
    "cameras.top": field(cameras={"front": (8, 6), "arm": (4, 4), "top": (4, 4)}),
    "cameras.front[0]": field(cameras={"front": (9, 6), "arm": (4, 4)}),
    "cameras.front[1]": field(cameras={"front": (8, 7), "arm": (4, 4)}),
    **{
        f"{kind}[0].{name}": axis(kind, **{name: value})
        for kind in ("action", "state")
        for name, value in (("name", "tool_y"), ("unit", "mm"), ("low", -0.6), ("high", 0.6))
    },
    "action": lambda spec: replace(spec, action=(*spec.action, Axis("x", "m", 0, 1))),
    "state": lambda spec: replace(spec, state=spec.state[:1]),
}


def refusal_of(client: BridgeClient) -> BridgeError:
    with pytest.raises(BridgeError) as refusal:
        client.hello()
    assert not client.connected
    client.request_act(sample_observation(client.spec), "go")
    assert client.poll(0.05) == []
    return refusal.value


@pytest.mark.parametrize("named", ONE_FIELD)
def test_a_robot_with_one_field_changed_is_refused(serve, policy, spec: RobotSpec, named: str) -> None:
    robot = ONE_FIELD[named](spec)
    with BridgeClient(serve(policy).endpoint, robot, timeout_s=5.0) as client:
        refusal = refusal_of(client)
    assert refusal.code == "schema_mismatch"
    assert [line.split(":")[0] for line in refusal.lines] == [named]
    assert policy.stamps == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"model_id": "mine"}, "model_id: 'mine' here, 'echo' there"),
        ({"normalisation_digest": "abc"}, "normalisation: 'abc' here, 'def' there"),
        ({"normalisation_digest": ""}, "normalisation: '' here, 'def' there"),
        ({"images": "jpeg"}, "images: 'jpeg' here, raw there"),
    ],
)
def test_another_model_scale_or_encoding_is_refused(
    serve, policy, spec, options: dict, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(policy, normalisation_digest="def")
    monkeypatch.setattr(server, "offered", lambda: ("raw",))
    with BridgeClient(served.endpoint, spec, timeout_s=5.0, **options) as client:
        refusal = refusal_of(client)
    assert (refusal.code, refusal.lines) == ("schema_mismatch", (line,))
    assert policy.stamps == []


@pytest.mark.parametrize("encoding", [images.ENCODINGS[1], "gif"])
def test_a_client_that_does_not_check_its_encoding_is_refused(
    client: BridgeClient, spec: RobotSpec, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "offered", lambda: ("raw",))
    body = {"spec": spec.to_dict(), "images": encoding, "resumes": []}
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(client.endpoint)
        socket.send_multipart(wire.encode(Message("hello", "s", 1, body)))
        assert socket.poll(5000)
        reply = wire.decode(socket.recv_multipart())
    assert reply.body["code"] == "schema_mismatch"


def test_what_is_insisted_on_and_served_is_accepted(serve, policy, spec: RobotSpec) -> None:
    served = serve(policy, normalisation_digest="def")
    wishes = {"model_id": "echo", "normalisation_digest": "def", "images": "webp"}
    with BridgeClient(served.endpoint, spec, timeout_s=5.0, **wishes) as client:  # pyright: ignore[reportArgumentType]
        info = client.hello()
    assert info.schema == Schema(spec, "echo", "def", "webp").digest()


def test_a_slower_robot_may_keep_its_policy(serve, policy, spec: RobotSpec) -> None:
    slow = replace(axis("action", max_rate=0.1)(spec), workspace=((0, 1), (0, 1), (0, 1)))
    with BridgeClient(serve(policy).endpoint, slow, timeout_s=5.0) as client:
        assert client.hello().schema == Schema(spec, "echo").digest()


def test_every_field_changes_the_digest(spec: RobotSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Schema(spec, "m", "n", "raw")
    others = [replace(schema, spec=change(spec)) for change in ONE_FIELD.values()]
    others += [replace(schema, **{name: "x"}) for name in ("model_id", "normalisation", "images")]
    digests = [schema.digest(), *(other.digest() for other in others)]
    monkeypatch.setattr("vla.bridge.schema.PROTOCOL", wire.PROTOCOL + 1)
    digests.append(schema.digest())
    assert len(set(digests)) == len(ONE_FIELD) + 5
    assert all(len(digest) == 16 for digest in digests)


def test_a_wish_for_anything_is_granted_by_anything(spec: RobotSpec) -> None:
    assert Wish(spec).differences(Schema(spec, "m", "n"), ("raw",)) == []


@pytest.mark.parametrize(
    "change",
    [{"low": "a", "high": "b"}, {"low": [0], "high": [1]}, {"low": False, "high": True}, {"max_rate": "1"},
     {"name": 3}, {"unit": None}, {"more": 1}, {"low": float("nan")}],
)  # fmt: skip
def test_an_axis_holds_words_and_numbers(spec: RobotSpec, change: dict) -> None:
    data = spec.to_dict()
    data["action"] = [dict(data["action"][0], **change)]
    with pytest.raises(ContractError):
        RobotSpec.from_dict(data)


@pytest.mark.parametrize("change", [{"control_hz": float("inf")}, {"cameras": {"front": (0, 4)}}])
def test_a_robot_has_a_period_and_pictures_have_pixels(spec: RobotSpec, change: dict) -> None:
    with pytest.raises(ContractError):
        replace(spec, **change)
