"""What the servers for foreign clients have in common: where they may listen, and how they ask the policy."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from vla.bridge.errors import BridgeError, guarded, one_line
from vla.contract import ActionChunk, ActRequest, BatchPolicy, ContractError, Observation, Policy, RobotSpec

_T = TypeVar("_T")
_BACKLOG = 8
_SLACK_BYTES = 64 * 1024


@dataclass(slots=True)
class Visit:
    """One foreign client's place in its own stream of noise.

    Attributes:
        seed: From its last reset; 0 before.
        asked: Chunks it has asked for since.
    """

    seed: int = 0
    asked: int = 0


class FrontDesk:
    """Asks one policy for many foreign clients, in one daemon thread, one call after another.

    A policy that answers batches draws each client's noise from that client's own seed and count, so that no
    client changes another's chunks. Any other policy has one state that all share: let it serve one robot.
    """

    def __init__(self, policy: Policy, patience_s: float) -> None:
        """Start the thread; ``patience_s`` is the longest wait for one answer, in seconds."""
        self._policy = policy
        self._spec = policy.spec
        self._patience_s = patience_s
        self._calls: queue.Queue[tuple[Future[Any], Callable[[], Any]] | None] = queue.Queue(_BACKLOG)
        threading.Thread(target=self._work, name="front-desk", daemon=True).start()

    async def act(
        self, visit: Visit, observation: Observation, instruction: str
    ) -> tuple[ActionChunk, float]:
        """A chunk that fits the spec, values and all, and the policy's time for it in seconds.

        The robot behind a foreign client may not judge what it is told, so a chunk that leaves the spec's
        limits is not sent.

        Raises:
            BridgeError: code ``policy_failed``: it raised, took too long, or too many are waiting.
        """

        def call() -> tuple[ActionChunk, float]:
            began = time.monotonic()
            if isinstance(self._policy, BatchPolicy):
                seed = (visit.seed << 20) + visit.asked
                (chunk,) = self._policy.act_batch([ActRequest(observation, instruction, None, seed)])
            else:
                chunk = self._policy.act(observation, instruction)
            visit.asked += 1
            chunk.check(self._spec)
            return chunk, time.monotonic() - began

        return await self._ask(call)

    async def reset(self, visit: Visit, seed: int) -> None:
        """Begin ``visit`` anew, and a policy that answers no batches with it; raises as :meth:`act`."""

        def call() -> None:
            visit.seed, visit.asked = seed, 0
            if not isinstance(self._policy, BatchPolicy):
                self._policy.reset(seed)

        await self._ask(call)

    def close(self) -> None:
        """Let the thread end after its present call; what waits is given up."""
        while True:
            try:
                waiting = self._calls.get_nowait()
            except queue.Empty:
                break
            if waiting is not None:
                waiting[0].cancel()
        self._calls.put(None)

    async def _ask(self, call: Callable[[], _T]) -> _T:
        answer: Future[_T] = Future()
        try:
            self._calls.put_nowait((answer, call))
        except queue.Full:
            raise BridgeError("policy_failed", f"{_BACKLOG} calls are waiting already") from None
        try:
            async with asyncio.timeout(self._patience_s):
                return await asyncio.wrap_future(answer)
        except TimeoutError:
            raise BridgeError("policy_failed", f"no answer within {self._patience_s:g} s") from None

    def _work(self) -> None:
        while (waiting := self._calls.get()) is not None:
            answer, call = waiting
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(guarded("policy_failed", call))
            except BridgeError as error:
                answer.set_exception(error)


class LoopThread:
    """An asyncio loop in a daemon thread of its own."""

    def __init__(self, name: str) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """``await work`` in the loop, from another thread; whoever is interrupted gives it up."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancel what runs in the loop and end the thread; twice is fine."""
        if self._loop.is_closed():
            return
        self.run(_cancel_the_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_the_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def check_address(host: str, port: int, key: str | None) -> None:
    """Refuse to listen beyond this machine without a key.

    Raises:
        ContractError: ``host`` is not loopback and ``key`` is None, ``key`` is empty, or ``port`` is no port.
    """
    if not 0 <= port <= 65535:
        raise ContractError(f"port {port} is outside 0..65535 (0 picks a free one)")
    if key is not None and not key:
        raise ContractError("an empty key lets everybody in; give a key, or None on loopback")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and key is None:
        raise ContractError(f"host {host!r} is not loopback: it needs a key; use 127.0.0.1 without one")


def same_key(given: object, wanted: str) -> bool:
    """Whether ``given`` is the text ``wanted``, in a time that does not tell how much of it was right."""
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(errors="surrogatepass"), wanted.encode(errors="surrogatepass")
    )


def max_request_bytes(spec: RobotSpec) -> int:
    """Longest observation read from a foreign client: the spec's own twice over, and words."""
    images = sum(3 * height * width for height, width in spec.cameras.values())
    return 2 * images + 16 * len(spec.state) + _SLACK_BYTES


def refusal(error: ContractError | BridgeError) -> str:
    """``code: words`` on one line, never a traceback."""
    return one_line(str(error) if isinstance(error, BridgeError) else f"bad_request: {error}")
