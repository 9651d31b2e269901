"""The robot's front desk: operators ask, one of them commands, everyone may watch and anyone may stop.

The control loop runs in the process's main thread; the desk is a thread that mostly waits on a socket. It
listens on this machine only. There is no verb that ends the process, loads a model or changes a limit.

A message is one JSON object, a reply another with the same ``seq``. Verbs: ``observe`` and
``emergency_stop`` for anyone; ``take`` for whoever finds the lease free; ``release``, ``run``, ``stop``,
``resume`` and ``reset`` with the lease's token. A run goes on only while somebody holds the lease.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import zmq

from vla.contract import ContractError
from vla.runtime.clock import Clock, MonotonicClock
from vla.runtime.lease import Lease
from vla.runtime.loop import ControlLoop
from vla.runtime.outcome import plan_lines, plan_words
from vla.runtime.report import RunResult, TickReport
from vla.runtime.supervisor import StateError

MAX_BYTES = 16 * 1024
_POLL_MS = 50
_LONE = re.compile("[\ud800-\udfff]")
"""Half a character: JSON can spell it, nothing that is told afterwards can write it down."""
_log = logging.getLogger(__name__)


class RobotStation:
    """Serves a control loop to operators; an ``on_tick`` consumer of that loop.

    Attributes:
        endpoint: Where operators connect, ``tcp://127.0.0.1:PORT``.
    """

    def __init__(
        self,
        port: int = 0,
        verdict: Callable[[], str] = lambda: "",
        facts: Mapping[str, Any] | None = None,
        lease_s: float = 2.0,
        clock: Clock | None = None,
    ) -> None:
        """Bind.

        Args:
            port: On this machine; 0 picks a free one.
            verdict: What a judge thinks so far, in words.
            facts: JSON that every status carries as it is, for example how the process is scheduled.
            lease_s: A lease that has not been renewed for so long is free, and the run ends.
            clock: Of the lease; the operating system's by default, whatever the loop's is.

        Raises:
            ContractError: the port cannot be bound.
        """
        self._verdict, self._facts = verdict, dict(facts or {})
        self._lease = Lease(clock or MonotonicClock(), lease_s)
        self._goals: queue.Queue[tuple[int, str, int]] = queue.Queue()
        self._stop_run = threading.Event()
        self._loop: ControlLoop | None = None
        self._latest: TickReport | None = None
        self._runs = 0
        self._under_way: str | None = None
        self._began_s = 0.0
        self._last: dict[str, Any] | None = None
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.sndhwm = self._socket.rcvhwm = 4
        self._socket.maxmsgsize = MAX_BYTES
        try:
            self._socket.bind(f"tcp://127.0.0.1:{port}")
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise ContractError(f"cannot bind port {port}: {error}") from error
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def __call__(self, report: TickReport) -> None:
        """Remember the latest tick."""
        if report.tick == 0:
            self._began_s = report.now_s
        self._latest = report

    def end_run(self) -> None:
        """End the run under way; from any thread."""
        self._stop_run.set()

    def serve(
        self,
        loop: ControlLoop,
        stop: threading.Event,
        begin: Callable[[str, int], None],
        finish: Callable[[str, int, RunResult], Mapping[str, Any]],
    ) -> None:
        """Carry out goals in this thread, and answer operators in another, until ``stop`` is set.

        Args:
            loop: The control loop, with this station among its consumers.
            stop: Ends the run under way, too.
            begin: Told goal and seed before each run.
            finish: Told goal, seed and result after each run; returns JSON for the status, such as a verdict.
        """
        self._loop = loop
        desk = threading.Thread(target=self._answer_until, args=(stop,), name="front-desk", daemon=True)
        desk.start()
        try:
            while not stop.is_set():
                try:
                    number, goal, seed = self._goals.get(timeout=_POLL_MS / 1000)
                except queue.Empty:
                    continue
                self._carry_out(loop, number, goal, seed, begin, finish)
        finally:
            stop.set()
            desk.join()
            self._context.destroy(linger=0)

    def _carry_out(
        self,
        loop: ControlLoop,
        number: int,
        goal: str,
        seed: int,
        begin: Callable[[str, int], None],
        finish: Callable[[str, int, RunResult], Mapping[str, Any]],
    ) -> None:
        try:
            begin(goal, seed)
            result = loop.run(goal, seed, self._stop_run)
        except (ContractError, RuntimeError) as error:
            _log.exception("run %d", number)
            self._last = {"run": number, "error": f"{type(error).__name__}: {error}"}
        else:
            told = {
                "reason": result.reason,
                "detail": result.detail,
                "elapsed_s": result.elapsed_s,
                "plan": plan_lines(result.plan),
                "said": plan_words(result.plan),
                "replans": [asdict(entry) for entry in result.plans],
                "health": _finite(asdict(result.health)),
            }
            self._last = {"run": number, **told, **finish(goal, seed, result)}
        self._under_way = None

    def _answer_until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if self._under_way is not None and self._lease.holder is None:
                self._stop_run.set()
            if not self._socket.poll(_POLL_MS):
                continue
            identity, *frames = self._socket.recv_multipart()
            reply = self.answer(frames)
            if reply is not None:
                self._socket.send_multipart([identity, json.dumps(reply, allow_nan=False).encode()])
        self._stop_run.set()

    def answer(self, frames: list[bytes]) -> dict[str, Any] | None:
        """What to reply to a message, JSON types; None for what is no request at all."""
        try:
            request = json.loads(frames[0]) if len(frames) == 1 else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(request, dict) or not isinstance(request.get("seq"), int):
            return None
        try:
            return {"seq": request["seq"], "ok": True, **self._handle(request)}
        except ContractError as error:
            return {"seq": request["seq"], "ok": False, "error": str(error)}

    def _handle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._loop is not None, "serve has begun"
        verb, supervisor = _text(request, "verb"), self._loop.supervisor
        if verb == "observe":
            if request.get("token"):
                self._lease.renew(_token(request))
            return self._status()
        if verb == "emergency_stop":
            supervisor.emergency_stop(_text(request, "reason"))
            return {}
        if verb == "take":
            return {"token": self._lease.take(_text(request, "name"))}
        known = {
            "release": self._release,
            "run": self._begin,
            "stop": lambda _: self._stop_run.set(),
            "resume": lambda _: supervisor.resume(),
            "reset": lambda _: supervisor.reset(),
        }
        if verb not in known:
            choices = ", ".join(("observe", "emergency_stop", "take", *known))
            raise ContractError(f"verb {verb[:32]!r} is not one of {choices}")
        self._lease.renew(_token(request))
        known[verb](request)
        return {"run": self._runs}

    def _release(self, request: Mapping[str, Any]) -> None:
        successor = _text(request, "successor") if request.get("successor") is not None else None
        self._lease.release(_token(request), successor)

    def _begin(self, request: Mapping[str, Any]) -> None:
        assert self._loop is not None
        goal, seed = _text(request, "goal"), request.get("seed", 0)
        if not isinstance(seed, int) or not 0 <= seed < 2**62:
            raise ContractError("'seed' must be an integer in 0..2**62")
        if self._under_way is not None:
            raise StateError(f"{self._under_way!r} is being carried out; stop it first")
        if self._loop.supervisor.latched:
            raise StateError(f"{self._loop.supervisor.state}: {self._loop.supervisor.reason}")
        self._runs += 1
        self._under_way, self._latest = goal, None
        self._stop_run.clear()
        self._goals.put((self._runs, goal, seed))

    def _status(self) -> dict[str, Any]:
        assert self._loop is not None
        latest, supervisor = self._latest, self._loop.supervisor
        return {
            "state": supervisor.state,
            "reason": supervisor.reason,
            "holder": self._lease.holder,
            "run": self._runs,
            "goal": self._under_way,
            "last": self._last,
            "plan": plan_lines(latest.plan if latest else None),
            "said": plan_words(latest.plan if latest else None),
            "instruction": latest.instruction if latest else None,
            "elapsed_s": latest.now_s - self._began_s if latest else 0.0,
            "health": _finite(asdict(self._loop.health())),
            "verdict": self._verdict(),
            "facts": self._facts,
        }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {k: 0.0 if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _token(request: Mapping[str, Any]) -> str:
    """The token shown, empty when there is none."""
    token = request.get("token", "")
    return token if isinstance(token, str) else ""


def _text(request: Mapping[str, Any], key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= 4096 or _LONE.search(value):
        raise ContractError(f"{key!r} must be text of 1..4096 characters")
    return value
