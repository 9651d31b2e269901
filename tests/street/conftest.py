"""Driver, control loop, client, proxy and server process: the whole street, and stories that happen to it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

# What tests share with the programs that they start is imported by name in both.
sys.path.insert(0, str(Path(__file__).parent))

from arm import CHUNK_S, DT_S, SPEC, Logbook

from vla.bridge.backoff import Backoff
from vla.bridge.chaos import ChaosProxy, Faults
from vla.bridge.client import BridgeClient
from vla.bridge.process import ServerProcess
from vla.runtime.asker import AskSettings
from vla.runtime.clock import MonotonicClock
from vla.runtime.loop import ControlLoop, LoopSettings
from vla.runtime.report import TickReport
from vla.runtime.supervisor import EngageSettings

PATIENCE_S = 60.0
"""For what must happen in the end, on a busy machine."""


class Street:
    """All of it in real time over real sockets; the server can be broken and mended between two ticks.

    Attributes:
        reports: Every tick's, so far.
        proof_s: How long answers must have come before the arm moves.
        sessions: The name of each session so far, in order.
        words: Further ones for the server program.
    """

    proof_s = 0.2

    def __init__(self, folder: Path, stack: ExitStack, words: tuple[str, ...] = ()) -> None:
        self._folder, self.words = folder, words
        self.clock = MonotonicClock()
        self.driver = Logbook(SPEC, self.clock)
        self.server = self._launch("tcp://127.0.0.1:0")
        stack.callback(lambda: self.server.close())
        self._home = self.server.endpoint
        self.proxy = stack.enter_context(ChaosProxy(self._home))
        self.client = stack.enter_context(
            BridgeClient(self.proxy.endpoint, SPEC, timeout_s=5.0, backoff=Backoff(0.02, 0.2))
        )
        self.client.hello()
        self.reports: list[TickReport] = []
        self.sessions: list[str] = []
        self._story: Iterator[None] = iter(())
        self._stop = threading.Event()
        # Asked for with the last row: so every row of a chunk is the newest one's at some time.
        ask = AskSettings(replan_s=CHUNK_S - DT_S, act_timeout_s=0.2, lost_s=1e9)
        settings = LoopSettings(
            timeout_s=1e9, ask=ask, engage=EngageSettings(self.proof_s, gap_s=1.0, starved_s=0.2)
        )
        self.loop = ControlLoop(self.driver, self.client, self.clock, settings, [self._on_tick])

    @property
    def now(self) -> TickReport:
        """The latest tick's report."""
        return self.reports[-1]

    def play(self, story: Iterator[None]) -> None:
        """Run until ``story`` ends, which goes on by one step after each tick."""
        self._story = story
        assert self.loop.run("go", stop=self._stop).reason == "stopped"

    def until(self, happens: Callable[[], object]) -> Iterator[None]:
        """Steps of a story, up to the tick after which something holds."""
        deadline_s = self.clock.now_s() + PATIENCE_S
        while not happens():
            assert self.clock.now_s() < deadline_s, "it did not come about"
            yield

    def row(self) -> int | None:
        """The row of the newest chunk that was carried out in the latest tick; None when the arm held."""
        age_s = self.now.chunk_age_s
        return None if self.now.held or age_s is None else int(age_s / DT_S + 0.5)

    def ends_s(self, since_s: float) -> float:
        """When the last chunk ends that was carried out in a tick from ``since_s`` on."""
        after = [report for report in self.reports if report.now_s >= since_s]
        starts = [r.observation.stamp_s - r.chunk_age_s for r in after if r.chunk_age_s is not None]
        return max(starts) + CHUNK_S

    def late_s(self, since_s: float) -> float:
        """By how much ticks came later than a period after the last: the machine's fault, not ours."""
        ticks_s = [report.now_s for report in self.reports if report.now_s >= since_s]
        return sum(max(0.0, after_s - before_s - DT_S) for before_s, after_s in pairwise(ticks_s))

    def freeze(self) -> None:
        os.kill(self.server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.server.pid, signal.SIGCONT)

    def kill(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)

    def restart(self) -> None:
        """Start a new server in the old one's place; it takes its time, and nobody waits for it."""

        def start() -> None:
            self.server.close()
            self.server = self._launch(self._home)

        threading.Thread(target=start).start()

    def hang(self) -> None:
        self._gate.touch()

    def unhang(self) -> None:
        self._gate.unlink()

    def stall(self) -> None:
        """Connections stay, and nothing passes, neither way."""
        for way in ("up", "down"):
            self.proxy.set(way, Faults(stall=True))

    def flow(self) -> None:
        self.proxy.clear()

    @property
    def _gate(self) -> Path:
        return self._folder / "gate"

    def _launch(self, endpoint: str) -> ServerProcess:
        program, where = Path(__file__).with_name("policy_server.py"), self._folder / "endpoint"
        command = [sys.executable, str(program), str(where), endpoint, "--hang", str(self._gate)]
        return ServerProcess([*command, *self.words], where, self._folder / "log", PATIENCE_S)

    def _on_tick(self, report: TickReport) -> None:
        self.reports.append(report)
        session = self.client._connection.ledger.session
        if session not in self.sessions[-1:]:
            self.sessions.append(session)
        if next(self._story, "the end"):
            self._stop.set()


@pytest.fixture
def street(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Street]:
    """A street; its parameters are further words for the server program."""
    with ExitStack() as stack:
        yield Street(tmp_path, stack, getattr(request, "param", ()))
