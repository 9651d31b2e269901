"""``handily keys`` as a person types it, and ``handily serve`` that asks for keys."""

from __future__ import annotations

from pathlib import Path

import pytest
import zmq
from typer.testing import CliRunner

from vla.bridge.keys import KeyStore, fingerprint
from vla.cli import app


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HANDILY_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


def call(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["keys", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_a_robot_is_let_in_and_shut_out(tmp_path: Path, home: Path) -> None:
    robot = tmp_path / "robot"
    call("new", "arm1", f"keys={robot}")
    pair = KeyStore(robot).pair("arm1")
    assert fingerprint(pair.public) in call("allow", str(robot / "arm1.public"))
    assert [grant.allowed for grant in KeyStore(home).grants()] == [True]
    assert "arm1 revoked" in call("revoke", "arm1")
    listed = call("list")
    assert "revoked" in listed
    assert fingerprint(pair.public) in listed


def test_the_list_shows_no_secret(home: Path) -> None:
    assert "no keys yet" in call("list")
    call("new", "server")
    listed = call("list")
    assert fingerprint(KeyStore(home).pair("server").public) in listed
    assert KeyStore(home).pair("server").secret not in listed
    assert KeyStore(home).pair("server").secret not in call("new", "other")


@pytest.mark.parametrize("first", ["-", "--", "a"])
def test_a_key_may_be_given_itself_even_when_it_looks_like_an_option(home: Path, first: str) -> None:
    key = first + zmq.curve_keypair()[0].decode()[len(first) :]
    call("allow", key, "name=guest")
    assert [(g.name, g.public) for g in KeyStore(home).grants()] == [("guest", key)]
    call("revoke", key)
    assert not KeyStore(home).grants()[0].allowed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new", "../arm"], "not a name"),
        (["allow", "/nowhere"], "/nowhere"),
        (["allow", "x" * 39], "x" * 39),
        (["revoke", "nobody"], "allowed: nobody"),
        (["list", "kyes=x"], "did you mean 'keys'"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str) -> None:
    output = call(*words, code=2)
    assert says in output
    assert len(output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["endpoint=tcp://0.0.0.0:5555"], "handily keys new"),
        (["endpoint=tcp://*:5555"], "handily keys new"),
        (["key=server"], "no key 'server'"),
        (["endpoint=tcp://0.0.0.0:5555", "key=server"], "handily keys new server"),
    ],
)
def test_serving_beyond_this_machine_takes_keys(words: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["serve", *words])
    assert done.exit_code == 2
    assert says in done.output


def test_serving_with_keys_goes_on_to_the_checkpoint() -> None:
    call("new", "server")
    words = ["serve", "endpoint=tcp://0.0.0.0:0", "key=server", "checkpoint=/nowhere"]
    assert "/nowhere" in CliRunner().invoke(app, words).output
