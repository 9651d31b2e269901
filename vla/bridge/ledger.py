"""A client's book: what it has asked, and what to make of each reply that arrives."""

from __future__ import annotations

import itertools
import math
import secrets
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

from vla.bridge.wire import Message

Drop = Literal["malformed", "foreign", "duplicate", "reordered", "late"]


@dataclass(frozen=True, slots=True)
class DroppedReplies:
    """Replies thrown away so far, by kind.

    Attributes:
        malformed: No message, or not one of this protocol.
        foreign: Of another session, to a question never asked, or of another verb than was asked.
        duplicate: To a question that had been answered.
        reordered: To a question given up, behind the answer to a later one of its verb.
        late: To a question given up, in its order.
    """

    malformed: int = 0
    foreign: int = 0
    duplicate: int = 0
    reordered: int = 0
    late: int = 0

    @property
    def total(self) -> int:
        """Of all kinds."""
        return self.malformed + self.foreign + self.duplicate + self.reordered + self.late


@dataclass(frozen=True, slots=True)
class Asked:
    """A question under way; times are of the client's monotonic clock.

    Attributes:
        verb: What is asked.
        seq: Its number.
        sent_s: When.
        deadline_s: When its answer becomes worthless; inf for never.
    """

    verb: str
    seq: int
    sent_s: float
    deadline_s: float


class Ledger:
    """Numbers questions, strictly rising for the life of the client, and admits each answer at most once.

    Of each verb only the newest question is awaited: asking again gives the earlier one up. Once given up,
    a question cannot be answered any more.
    """

    def __init__(self) -> None:
        self.session = ""
        self.drops = DroppedReplies()
        self._numbers = itertools.count(1)
        self._last = 0
        self._awaited: dict[int, Asked] = {}
        self._answered: deque[int] = deque(maxlen=64)
        self._newest_answered: dict[str, int] = {}

    def __contains__(self, seq: int) -> bool:
        """True while the answer to ``seq`` is awaited."""
        return seq in self._awaited

    def begin(self) -> list[Asked]:
        """A new session under a new name; returns what was awaited and is given up."""
        self.session = secrets.token_hex(16)
        return self.end()

    def end(self) -> list[Asked]:
        """Await nothing any more; returns what was."""
        given = list(self._awaited.values())
        self._awaited.clear()
        return given

    def ask(self, verb: str, now_s: float, within_s: float = math.inf) -> Asked:
        """A question that is awaited from now on."""
        self.give_up(verb)
        asked = Asked(verb, self.number(), now_s, now_s + within_s)
        self._awaited[asked.seq] = asked
        return asked

    def number(self) -> int:
        """The number of a question that is not awaited."""
        self._last = next(self._numbers)
        return self._last

    def awaits(self, verb: str) -> bool:
        """True while a question of ``verb`` is awaited."""
        return any(asked.verb == verb for asked in self._awaited.values())

    def give_up(self, verb: str) -> None:
        """Await no question of ``verb`` any more."""
        self._awaited = {seq: asked for seq, asked in self._awaited.items() if asked.verb != verb}

    def forget(self, seq: int) -> None:
        """Await question ``seq`` no more, if it is."""
        self._awaited.pop(seq, None)

    def expire(self, now_s: float, verbs: tuple[str, ...]) -> list[Asked]:
        """Give up every question of ``verbs`` whose deadline has passed; returns them."""
        expired = [a for a in self._awaited.values() if a.verb in verbs and a.deadline_s <= now_s]
        for asked in expired:
            del self._awaited[asked.seq]
        return expired

    def admit(self, reply: Message) -> Asked | None:
        """The question that ``reply`` answers, which is closed by it; None drops and counts the reply."""
        asked = self._awaited.get(reply.seq) if reply.session == self.session else None
        if asked is None or reply.verb not in (asked.verb, "error"):
            self.drop(self._kind(reply, asked))
            return None
        del self._awaited[reply.seq]
        self._answered.append(reply.seq)
        self._newest_answered[asked.verb] = reply.seq
        return asked

    def drop(self, kind: Drop) -> None:
        """Count a reply thrown away."""
        self.drops = replace(self.drops, **{kind: getattr(self.drops, kind) + 1})

    def _kind(self, reply: Message, asked: Asked | None) -> Drop:
        if reply.session != self.session or asked is not None or not 0 < reply.seq <= self._last:
            return "foreign"
        if reply.seq in self._answered:
            return "duplicate"
        return "reordered" if reply.seq < self._newest_answered.get(reply.verb, 0) else "late"
