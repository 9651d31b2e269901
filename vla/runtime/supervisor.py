"""Whether the arm may move: states, what leads from one to the next, and what is latched.

The words are those of ISO 10218 and ISO 13850, without any claim to their certification: this is software on
an ordinary computer, no safety function. Give the robot a hardware emergency stop.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from vla.contract import ContractError
from vla.runtime.clock import Clock

State = Literal["disengaged", "engaging", "running", "holding", "protective_stop", "emergency_stop"]
STATES: tuple[State, ...] = (
    "disengaged",
    "engaging",
    "running",
    "holding",
    "protective_stop",
    "emergency_stop",
)
"""Recordings store a state as its place in this tuple, so new ones go to its end."""
LATCHED: tuple[State, ...] = ("protective_stop", "emergency_stop")


class StateError(ContractError):
    """What was asked is not possible in the present state; the message names both."""


@dataclass(frozen=True, slots=True)
class EngageSettings:
    """When the model side has earned the arm's trust, and when it has lost it.

    Attributes:
        proof_s: Usable answers must have come for this long before the first motion; 0 means that one is
            enough.
        gap_s: A silence longer than this between two answers starts the proof anew.
        starved_s: Holding for longer than this costs the trust: the proof is due again.
    """

    proof_s: float = 1.0
    gap_s: float = 1.0
    starved_s: float = 1.0


class Supervisor:
    """The one that says whether the arm may move; every method may be called from any thread.

    =================  =======================================================  ==============================
    state              meaning                                                  left by
    =================  =======================================================  ==============================
    disengaged         nobody asked for motion                                  ``engage``
    engaging           the arm holds while the model side proves to be alive    proof; ``disengage``
    running            actions are carried out                                  nothing due; ``disengage``
    holding            nothing is due, the arm holds                            an action; starvation
    protective_stop    something was wrong; latched, with a reason              ``resume`` (or the worse stop)
    emergency_stop     somebody said stop; latched                              ``reset``, to disengaged
    =================  =======================================================  ==============================
    """

    def __init__(self, clock: Clock, settings: EngageSettings | None = None) -> None:
        """Disengaged; ``clock`` is the control loop's."""
        self._clock = clock
        self._settings = settings or EngageSettings()
        self._lock = threading.RLock()
        self._state: State = "disengaged"
        self._reason = ""
        self._since_s = clock.now_s()
        self._proof_began_s: float | None = None
        self._answered_s: float | None = None

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    @property
    def reason(self) -> str:
        """Why the arm is stopped, in one line; empty unless it is."""
        return self._reason

    @property
    def latched(self) -> bool:
        """True in a stop that only a person ends."""
        return self._state in LATCHED

    def engage(self) -> None:
        """Ask for motion: the proof of life begins. Nothing happens when the arm is engaged already.

        Raises:
            StateError: a stop is latched.
        """
        with self._lock:
            if self.latched:
                raise StateError(f"cannot engage in {self._state} ({self._reason}); {self._way_out()} first")
            if self._state == "disengaged":
                self._begin_proof()

    def disengage(self) -> None:
        """Ask for no more motion; a latched stop stays."""
        with self._lock:
            if not self.latched:
                self._enter("disengaged")

    def answered(self) -> None:
        """A usable answer came from the model side."""
        now_s = self._clock.now_s()
        with self._lock:
            gap = self._answered_s is None or now_s - self._answered_s > self._settings.gap_s
            if self._proof_began_s is None or gap:
                self._proof_began_s = now_s
            self._answered_s = now_s

    def tick(self, fed: bool) -> bool:
        """One control period; ``fed`` says that an action is due.

        Returns:
            Whether it may be carried out.
        """
        now_s = self._clock.now_s()
        with self._lock:
            if self._state == "engaging" and fed and self._proven(now_s):
                self._enter("running")
            elif self._state == "running" and not fed:
                self._enter("holding")
            elif self._state == "holding":
                if now_s - self._since_s > self._settings.starved_s:
                    self._begin_proof()
                elif fed:
                    self._enter("running")
            return self._state == "running" and fed

    def protective_stop(self, reason: str) -> None:
        """Stop and latch; an emergency stop stays one, and the first reason stays the reason."""
        with self._lock:
            if not self.latched:
                self._enter("protective_stop", reason)

    def resume(self) -> None:
        """A person has looked and ends the protective stop: the proof of life begins anew.

        Raises:
            StateError: there is no protective stop to end.
        """
        with self._lock:
            if self._state != "protective_stop":
                raise StateError(f"cannot resume in {self._state}; only a protective_stop is resumed")
            self._begin_proof()

    def emergency_stop(self, reason: str) -> None:
        """Stop and latch, above everything else."""
        with self._lock:
            if self._state != "emergency_stop":
                self._enter("emergency_stop", reason)

    def reset(self) -> None:
        """End the emergency stop; the arm is disengaged and does not move.

        Raises:
            StateError: there is no emergency stop to end.
        """
        with self._lock:
            if self._state != "emergency_stop":
                raise StateError(f"cannot reset in {self._state}; only an emergency_stop is reset")
            self._enter("disengaged")

    def _proven(self, now_s: float) -> bool:
        if self._proof_began_s is None or self._answered_s is None:
            return False
        alive = now_s - self._answered_s <= self._settings.gap_s
        return alive and now_s - self._proof_began_s >= self._settings.proof_s

    def _begin_proof(self) -> None:
        self._proof_began_s = self._answered_s = None
        self._enter("engaging")

    def _enter(self, state: State, reason: str = "") -> None:
        self._state, self._reason, self._since_s = state, reason, self._clock.now_s()

    def _way_out(self) -> str:
        return "resume" if self._state == "protective_stop" else "reset"
