"""An OpenAI-compatible server on a real socket, well-behaved and otherwise."""

from __future__ import annotations

import base64
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vla.contract import ContractError
from vla.models.vlm import VisionLanguageModel
from vla.planner.chat_link import KEY_VARIABLE, ChatAddress, ChatError, ChatLimits
from vla.planner.chat_server import ChatServer, data_url
from vla.planner.grammar import allowed_next

KEY = "sk-very-secret-0123"
PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
Behaviour = Callable[["Handler"], None]


def completion(text: str | None, **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}, **more}]}).encode()


class Handler(BaseHTTPRequestHandler):
    """Does what the server's script says next; its last line is repeated."""

    def _next(self) -> None:
        fake = self.server
        assert isinstance(fake, Fake)
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        fake.requests.append((self.command, self.path, dict(self.headers), body))
        script = fake.script
        (script.pop(0) if len(script) > 1 else script[0])(self)

    do_GET = do_POST = _next  # noqa: N815

    def say(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


class Fake(ThreadingHTTPServer):
    """On loopback, in threads of its own."""

    daemon_threads = True
    # A client that hangs up early is what is tested, not an error to print.
    handle_error = lambda self, request, client_address: None  # noqa: E731

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Behaviour] = []
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1#tiny"


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def saying(status: int, content: bytes, **headers: str) -> Behaviour:
    return lambda handler: handler.say(status, content, **headers)


def client(
    fake: Fake, url: str = "", pattern: str | None = None, **limits: Any
) -> tuple[ChatServer, list[float]]:
    waits: list[float] = []
    settings = ChatLimits(**{"timeout_s": 5.0, **limits})
    return ChatServer(url or fake.url, settings, pattern, {KEY_VARIABLE: KEY}, waits.append), waits


def test_a_picture_and_a_question_become_one_request_with_the_key_and_the_answer_comes_back(
    fake: Fake,
) -> None:
    fake.script = [saying(200, completion("  A red block.\n"))]
    model, waits = client(fake)
    assert isinstance(model, VisionLanguageModel)
    assert model.reply(PICTURE, "What is it?", max_words=20) == "A red block."
    [(verb, path, headers, body)] = fake.requests
    assert (verb, path, headers["Authorization"]) == ("POST", "/v1/chat/completions", f"Bearer {KEY}")
    assert (body["model"], body["temperature"]) == ("tiny", 0)
    shown, asked = body["messages"][0]["content"]
    assert asked == {"type": "text", "text": "What is it?"}
    kind, _, data = shown["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), PICTURE)
    assert "response_format" not in body
    assert waits == []


def test_without_a_key_none_is_sent(fake: Fake) -> None:
    fake.script = [saying(200, completion("yes"))]
    ChatServer(fake.url, environment={}).reply(PICTURE, "?")
    assert "Authorization" not in fake.requests[0][2]


def test_inside_a_grammar_json_of_the_pattern_is_asked_for_and_unwrapped(fake: Fake) -> None:
    fake.script = [saying(200, completion('{"reply": "open the drawer."}'))]
    model, _ = client(fake, pattern="^a$")
    assert model.reply(PICTURE, "Plan!", allowed_next) == "open the drawer."
    wanted = fake.requests[0][3]["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["schema"]["properties"]["reply"] == {"type": "string", "pattern": "^a$"}


@pytest.mark.parametrize("text", ["open the drawer.", '```json\n{"reply": "open the drawer."}\n```'])
def test_a_server_that_ignores_the_wish_for_json_is_understood(fake: Fake, text: str) -> None:
    fake.script = [saying(200, completion(text))]
    assert client(fake)[0].reply(PICTURE, "Plan!", allowed_next) == "open the drawer."


def test_a_server_that_refuses_json_is_asked_for_plain_text_from_then_on(fake: Fake) -> None:
    fake.script = [
        saying(400, b'{"error": "response_format is not supported"}'),
        saying(200, completion("open the drawer.")),
    ]
    model, _ = client(fake)
    for _ in range(2):
        assert model.reply(PICTURE, "Plan!", allowed_next) == "open the drawer."
    assert ["response_format" in body for *_, body in fake.requests] == [True, False, False]


def test_overload_is_waited_for_as_long_as_the_server_says(fake: Fake) -> None:
    fake.script = [saying(429, b"{}", Retry_After="7"), saying(503, b""), saying(200, completion("yes"))]
    model, waits = client(fake)
    assert model.reply(PICTURE, "?") == "yes"
    assert waits[0] == 7
    assert 0.5 <= waits[1] <= 1.0  # the second delay, doubled and jittered


def test_nobody_is_waited_for_longer_than_ten_seconds(fake: Fake) -> None:
    fake.script = [saying(429, b"{}", Retry_After="86400"), saying(200, completion("yes"))]
    model, waits = client(fake)
    model.reply(PICTURE, "?")
    assert waits == [10]


def test_a_server_that_keeps_failing_is_given_up_with_its_words(fake: Fake) -> None:
    fake.script = [saying(500, b"out of memory\n")]
    model, waits = client(fake)
    with pytest.raises(ChatError, match="/chat/completions says 500: out of memory") as caught:
        model.reply(PICTURE, "?")
    assert caught.value.status == 500
    assert (len(fake.requests), len(waits)) == (3, 2)


@pytest.mark.parametrize("status", [401, 404, 302])
def test_what_another_try_cannot_mend_is_not_tried_again_nor_followed(fake: Fake, status: int) -> None:
    fake.script = [saying(status, b"no such thing", Location="http://127.0.0.1:9/")]
    with pytest.raises(ChatError, match=f"says {status}: no such thing"):
        client(fake)[0].reply(PICTURE, "?")
    assert len(fake.requests) == 1


def test_the_key_is_neither_shown_nor_logged(fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.script = [saying(401, f"Incorrect key provided: {KEY}".encode())]
    model, _ = client(fake)
    with pytest.raises(ChatError) as caught:
        model.reply(PICTURE, "?")
    assert KEY not in str(caught.value)
    assert "***" in str(caught.value)
    assert KEY not in caplog.text
    assert KEY not in repr(model)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"{",
        b"[]",
        b'"hello"',
        b'{"choices": []}',
        completion(None),
        b'{"choices": [{"message": 3}]}',
    ]
    + [b"[" * 100_000, b"\xff\xfe", b""],
)
def test_what_is_no_completion_is_an_error_that_shows_little_of_it(fake: Fake, content: bytes) -> None:
    fake.script = [saying(200, content)]
    with pytest.raises(ChatError, match=r"no JSON|no chat completion") as caught:
        client(fake)[0].reply(PICTURE, "?")
    assert len(str(caught.value)) < 400


def test_a_slow_server_costs_no_more_than_its_time_for_each_try(fake: Fake) -> None:
    def drip(handler: Handler) -> None:
        """A byte every so often: no single read ever times out."""
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not fake.over.wait(0.02):
            handler.wfile.write(b" ")

    def silent(handler: Handler) -> None:
        fake.over.wait(5)

    for behaviour in (drip, silent):
        fake.script = [behaviour]
        began_s = time.monotonic()
        with pytest.raises(ChatError, match=r"does not answer: (no answer within 0\.3 s|timed out)"):
            client(fake, timeout_s=0.3, tries=2)[0].reply(PICTURE, "?")
        assert 0.5 < time.monotonic() - began_s < 3


def test_a_slow_answer_is_followed_by_a_quick_one(fake: Fake) -> None:
    def silent(handler: Handler) -> None:
        fake.over.wait(2)

    fake.script = [silent, saying(200, completion("yes"))]
    assert client(fake, timeout_s=0.3)[0].reply(PICTURE, "?") == "yes"


@pytest.mark.parametrize("declared", [True, False])
def test_a_huge_reply_is_not_read(fake: Fake, declared: bool) -> None:
    sent = 0

    def flood(handler: Handler) -> None:
        nonlocal sent
        handler.send_response(200)
        if declared:
            handler.send_header("Content-Length", str(10**9))
        handler.end_headers()
        while not fake.over.is_set() and sent < 50_000_000:
            handler.wfile.write(b" " * 10_000)
            sent += 10_000

    fake.script = [flood]
    with pytest.raises(ChatError, match="sends more than 100000 bytes"):
        client(fake, most_bytes=100_000)[0].reply(PICTURE, "?")
    assert sent < 50_000_000
    assert len(fake.requests) == 1


def test_a_dropped_connection_is_tried_again(fake: Fake) -> None:
    def drop(handler: Handler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "500")
        handler.end_headers()
        handler.wfile.write(completion("yes")[:20])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    fake.script = [drop, half, saying(200, completion("yes"))]
    model, waits = client(fake)
    assert model.reply(PICTURE, "?") == "yes"
    assert len(waits) == 2
    fake.script = [half]
    with pytest.raises(ChatError, match="does not answer: "):
        model.reply(PICTURE, "?")


def test_nobody_there_is_one_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}#tiny"
    with pytest.raises(ChatError, match=r"does not answer: .*refused"):
        ChatServer(url, ChatLimits(tries=2), environment={}, sleep=lambda _: None).reply(PICTURE, "?")


def test_the_only_model_is_taken_and_of_several_one_must_be_named(fake: Fake) -> None:
    def listed(*names: str) -> Behaviour:
        return saying(200, json.dumps({"data": [{"id": name} for name in names]}).encode())

    bare = fake.url.partition("#")[0]
    fake.script = [listed("llava:7b"), saying(200, completion("yes"))]
    model, _ = client(fake, bare)
    assert (model.reply(PICTURE, "?"), model.model) == ("yes", "llava:7b")
    assert [request[:2] for request in fake.requests] == [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
    ]
    fake.script = [listed("a", "b")]
    with pytest.raises(ChatError, match=rf"has 2 models \(a, b\); name one: {bare}#MODEL"):
        client(fake, bare)[0].reply(PICTURE, "?")


def test_scores_are_the_servers_odds_of_the_first_word(fake: Fake) -> None:
    odds = [("Yes", -0.5), (" yes", -2.0), ("no", -3.0), ("maybe", -1.0)]
    top = [{"token": token, "logprob": logprob} for token, logprob in odds]
    first = {"token": "\n", "top_logprobs": []}
    logprobs = {"content": [first, {"token": "Yes", "logprob": -0.5, "top_logprobs": top}]}
    fake.script = [saying(200, completion("\nYes", logprobs=logprobs))]
    found = client(fake)[0].score(PICTURE, "done?", ("yes", "no", "never"))
    assert found == pytest.approx([np.logaddexp(-0.5, -2.0), -3.0, -np.inf])
    assert fake.requests[0][3]["logprobs"] is True


@pytest.mark.parametrize(
    "logprobs", [None, {"content": None}, {"content": [{"token": "No", "top_logprobs": [3]}]}]
)
def test_a_server_without_odds_puts_everything_on_its_answer(fake: Fake, logprobs: Any) -> None:
    fake.script = [saying(200, completion("**No**, it is closed.", logprobs=logprobs))]
    assert client(fake)[0].score(PICTURE, "done?", ("yes", "no")).tolist() == [-np.inf, 0.0]


def test_a_server_that_refuses_to_tell_odds_is_asked_without_from_then_on(fake: Fake) -> None:
    fake.script = [saying(400, b"logprobs is not supported"), saying(200, completion("yes"))]
    model, _ = client(fake)
    for _ in range(2):
        assert model.score(PICTURE, "done?", ("yes", "no")).tolist() == [0.0, -np.inf]
    assert ["logprobs" in body for *_, body in fake.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://10.0.0.7:8000/v1", "plain http to another machine"),
        ("http://localhost.example.com/v1", "plain http to another machine"),
        ("http://2130706433/v1", "plain http to another machine"),
        ("ftp://127.0.0.1/v1", "is no address"),
        ("http:///v1", "is no address"),
        ("http://127.0.0.1:99999/v1", "is no address"),
        ("http://127.0.0.1/v1?key=abc", "is no address"),
        ("https://me:secret@host/v1", "no name and password"),
        ("https://host/v 1", "a path with a letter"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_before_anything_is_sent(url: str, message: str) -> None:
    with pytest.raises(ChatError, match=message) as caught:
        ChatServer(url, environment={})
    assert "secret" not in str(caught.value)


def test_addresses() -> None:
    for url in ("http://localhost:1", "http://127.1.2.3:1", "http://[::1]:1"):
        assert ChatAddress.parse(url).path == "/v1"
    far = ChatAddress.parse("https://api.example.com/openai/v1/#some/model%20x")
    assert (far.url, far.model) == ("https://api.example.com:443/openai/v1", "some/model x")
    assert ChatAddress.parse("http://10.0.0.7:8000", plain_http=True).port == 8000


def test_a_key_that_would_break_a_header_is_refused_without_being_shown() -> None:
    with pytest.raises(ChatError, match="the key holds a character") as caught:
        ChatServer("http://127.0.0.1:1", environment={KEY_VARIABLE: "abc\r\nX-Evil: 1"})
    assert "abc" not in str(caught.value)


def test_pictures_are_sent_without_loss_unless_they_are_large() -> None:
    assert data_url(PICTURE).startswith("data:image/png;base64,")
    large = data_url(np.zeros((1001, 1000, 3), np.uint8))
    assert large.startswith("data:image/jpeg;base64,")
    assert len(large) < 100_000
    with pytest.raises(ContractError, match=r"expected uint8 \(H, W, 3\)"):
        data_url(np.zeros((4, 4), np.uint8))


def test_limits_out_of_range_are_refused() -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"tries": 0},
        {"most_bytes": 0},
    )
    for wrong in wrongs:
        with pytest.raises(ContractError, match=next(iter(wrong))):
            ChatLimits(**wrong)
