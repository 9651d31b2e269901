"""A chat model over a real socket: retries, what is kept, what it costs, and answers that have no form."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sim.instruct.context import as_json, context_text
from sim.instruct.conversing import conversed
from sim.instruct.endpoint import Endpoint, EndpointSettings
from sim.instruct.prompts import FormError, prompt, turns_of
from sim.instruct.scene import Scene
from vla.planner.chat_link import ChatError
from vla.planner.symbols import Symbols

Reply = tuple[int, Any]
TALK = "question: what stands on the red block?\nanswer: the green star"
DESCRIPTION = "question: describe the picture.\nanswer: a green star stands on a red block beside a bowl."
REASON = "question: why can the red block not be lifted?\nanswer: because the green star stands on it."


class Server:
    """A fake server on a loopback port; ``reply`` decides, ``asked`` remembers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.reply: Callable[[dict[str, Any]], Reply] = self.sensible
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append({**data, "path": self.path})
                outer.headers.append(dict(self.headers.items()))
                status, body = outer.reply(data)
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    @staticmethod
    def sensible(data: dict[str, Any]) -> Reply:
        rules = data["messages"][0]["content"]
        words = TALK if "a talk" in rules else DESCRIPTION if "a description" in rules else REASON
        return 200, completion(words)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


def completion(words: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return {"choices": [{"message": {"role": "assistant", "content": words}}], "usage": usage}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def endpoint(server: Server, tmp_path: Path, waits: list[float] | None = None, **more: Any) -> Endpoint:
    settings = EndpointSettings(server.url, "small", key_variable="HANDILY_TEST_KEY", timeout_s=5, **more)
    return Endpoint(settings, tmp_path / "answers", (waits if waits is not None else []).append)


def context(number: int = 0) -> dict[str, Any]:
    state = Symbols({0: "red block", 8: "green star"}, {0: "table", 8: 0}, frozenset({"bowl"}))
    scene = Scene(
        state, {"red block": (0.5, 0.01 * number), "green star": (0.5, 0.01 * number), "bowl": (0.5, 0.2)}
    )
    name = f"{number:06d}"
    return {
        "id": name,
        "image": f"{name}.png",
        "seed": number,
        "scene": as_json(scene),
        "text": context_text(scene) + name,
    }


def test_a_record_of_each_kind_comes_back_and_nothing_is_paid_for_twice(server: Server, tmp_path: Path):
    contexts = [context(0), context(1)]
    first = endpoint(server, tmp_path, price_in=1.0, price_out=5.0)
    told: list[tuple[int, int]] = []
    records = conversed(contexts, first, 3, lambda done, total: told.append((done, total)))
    assert [record.kind for record in records] == ["conversation", "description", "reasoning"] * 2
    assert records[0].turns[0].answer == "the green star"
    assert told == [(k, 6) for k in range(1, 7)]
    assert (first.tally.asked, first.tally.tokens_in, first.tally.tokens_out) == (6, 600, 60)
    assert first.tally.cost(first.settings) == pytest.approx((600 + 5 * 60) / 1e6)
    again = endpoint(server, tmp_path)
    assert conversed(contexts, again) == records
    assert (again.tally.asked, again.tally.kept, len(server.asked)) == (0, 6, 6)


def test_an_interrupted_run_asks_only_for_the_rest(server: Server, tmp_path: Path):
    conversed([context(0)], endpoint(server, tmp_path))
    rest = endpoint(server, tmp_path)
    assert len(conversed([context(0), context(1)], rest)) == 6
    assert (rest.tally.kept, rest.tally.asked) == (3, 3)


def test_the_model_reads_text_only_and_sees_examples(server: Server, tmp_path: Path):
    conversed([context(0)], endpoint(server, tmp_path))
    for data in server.asked:
        assert data["path"] == "/v1/chat/completions"
        assert data["model"] == "small"
        assert [message["role"] for message in data["messages"]] == ["system", "user", "assistant", "user"]
        assert data["messages"][-1]["content"] == context(0)["text"]
        assert "boxes:" in data["messages"][-1]["content"]


def test_the_key_is_sent_where_there_is_one(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    endpoint(server, tmp_path).complete([{"role": "user", "content": "one"}])
    monkeypatch.setenv("HANDILY_TEST_KEY", "abc")
    endpoint(server, tmp_path).complete([{"role": "user", "content": "two"}])
    assert "Authorization" not in server.headers[0]
    assert server.headers[1]["Authorization"] == "Bearer abc"
    assert all("abc" not in path.read_text() for path in (tmp_path / "answers").iterdir())


def test_failures_that_may_pass_are_tried_again_after_longer_waits(server: Server, tmp_path: Path):
    replies = iter([(503, {}), (429, {}), (500, {})])
    server.reply = lambda data: next(replies, None) or Server.sensible(data)
    waits: list[float] = []
    asker = endpoint(server, tmp_path, waits)
    assert asker.complete(prompt("conversation", "x")) == TALK
    assert len(waits) == 3
    assert all(0 < wait <= 5 for wait in waits)
    assert asker.tally.retried == 3


def test_after_the_last_retry_it_gives_up_by_name(server: Server, tmp_path: Path):
    server.reply = lambda data: (503, {})
    with pytest.raises(ChatError, match="says 503"):
        endpoint(server, tmp_path, retries=2).complete(prompt("conversation", "x"))
    assert len(server.asked) == 3


def test_a_server_that_is_not_there_is_named(tmp_path: Path, server: Server):
    waits: list[float] = []
    asker = endpoint(server, tmp_path, waits, retries=1)
    server.close()
    with pytest.raises(ChatError, match=r"127.0.0.1:\d+/v1 does not answer"):
        asker.complete(prompt("conversation", "x"))
    assert len(waits) == asker.tally.retried == 1


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {"error": "no key"}, "says 401.*no key"),
        (404, {"error": "no such model"}, "says 404"),
        (200, b"<html>", "no JSON"),
        (200, {"choices": []}, "no chat completion"),
        (200, completion(None), "content is None"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(
    server: Server, tmp_path: Path, status: int, body: Any, says: str
):
    server.reply = lambda data: (status, body)
    with pytest.raises(ChatError, match=says):
        endpoint(server, tmp_path).complete(prompt("conversation", "x"))
    assert len(server.asked) == 1
    assert not list((tmp_path / "answers").iterdir())


def test_an_answer_without_form_is_asked_for_again_and_then_left_out(server: Server, tmp_path: Path):
    server.reply = lambda data: (
        Server.sensible(data) if len(data["messages"]) > 4 else (200, completion("sure! here you go"))
    )
    asker = endpoint(server, tmp_path)
    assert len(conversed([context(0)], asker)) == 3
    assert asker.tally.asked == 6
    assert "right form" in server.asked[-1]["messages"][-1]["content"]
    server.reply = lambda data: (200, completion("no"))
    assert conversed([context(1)], asker) == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", "begin with"),
        ("answer: yes\nquestion: is it?", "take turns"),
        ("question: is it there?", "take turns"),
        ("question: is the block at 0.5?\nanswer: yes", "must not be used"),
        ("question: what is there?\nanswer: a purple ball", "no purple ball"),
        ("question: what is there?\nanswer: a tray", "no tray"),
        ("question: what is in the bowl?\nanswer: nothing", "other words"),
        ("question: what is there\nanswer: a bowl", "end with a mark"),
        ("question: what is there?\nanswer: " + "a bowl " * 100, "too many"),
    ],
)
def test_what_has_no_form_is_refused(answer: str, says: str):
    with pytest.raises(FormError, match=says):
        turns_of("conversation", answer, context())


def test_one_question_makes_a_description():
    with pytest.raises(FormError, match="one question"):
        turns_of("description", f"{DESCRIPTION}\n{DESCRIPTION}", context())
    assert len(turns_of("conversation", f"{TALK}\n{REASON}", context())) == 2
    (turn,) = turns_of("description", DESCRIPTION.upper(), context())
    assert turn.answer.startswith("a green star")


def test_what_is_asked_about_may_be_missing():
    (turn,) = turns_of(
        "conversation", "question: is there a red ball?\nanswer: no, there is no red ball", context()
    )
    assert turn.type == "free"


@pytest.mark.parametrize(
    ("url", "model"), [("localhost:80", "m"), ("ftp://x/v1", "m"), ("http://x/v1", "m"), ("https://x/v1", "")]
)
def test_settings_are_checked(url: str, model: str):
    with pytest.raises(ChatError):
        EndpointSettings(url, model)
