"""A server as a process of its own: started, found, and never left behind."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from vla.bridge.errors import BridgeError, one_line

_STEP_S = 0.02
_GRACE_S = 3.0


def announce(endpoint: str, path: Path) -> None:
    """Tell the parent process where the server listens: ``path`` appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(endpoint)
    os.replace(partial, path)


def stop_when_orphaned(stop: threading.Event, period_s: float = 0.5) -> threading.Thread:
    """Set ``stop`` soon after this process's parent has died; returns the watching daemon thread."""
    parent = os.getppid()

    def watch() -> None:
        while not stop.wait(period_s):
            if os.getppid() != parent:
                stop.set()

    thread = threading.Thread(target=watch, name="orphan-watch", daemon=True)
    thread.start()
    return thread


class ServerProcess:
    """Runs a server command as a child and knows its endpoint; the child ends with the ``with`` block.

    The child must call :func:`announce` once it is bound, and should call :func:`stop_when_orphaned`.
    """

    def __init__(
        self,
        command: Sequence[str],
        announcement: Path,
        log: Path,
        timeout_s: float = 120.0,
        name: str = "the policy server",
    ) -> None:
        """Start and wait until the child has announced itself.

        Args:
            command: Program and arguments; by agreement they tell the child about ``announcement``.
            announcement: Where the child will write its endpoint; removed first.
            log: Receives the child's output.
            timeout_s: Longest wait for the announcement, in seconds; loading a model takes some.
            name: What an error calls the child.

        Raises:
            BridgeError: code ``server_died``: the child ended or said nothing in time; ``lines`` end its log.
        """
        announcement.unlink(missing_ok=True)
        self.log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the parent's to handle: it ends the child when it is done
            )
        deadline = time.monotonic() + timeout_s
        while not announcement.exists():
            code = self._child.poll()
            if code is not None or time.monotonic() > deadline:
                self.close()
                what = f"said nothing for {timeout_s:g} s" if code is None else f"ended with exit code {code}"
                raise BridgeError("server_died", f"{name} {what}", self._last_lines())
            time.sleep(_STEP_S)
        self.endpoint = announcement.read_text()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """True while the child runs."""
        return self._child.poll() is None

    def close(self) -> None:
        """Ask the child to end, insist after 3 s; twice is fine."""
        if self.alive:
            self._child.terminate()
            try:
                self._child.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _last_lines(self) -> tuple[str, ...]:
        words = self.log.read_text(errors="replace").splitlines()[-5:]
        return tuple(one_line(line) for line in words if line.strip())
