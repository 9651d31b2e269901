"""Faults on purpose: which there are, what each one does, and how a person writes them down.

The verbs are those of PX4's failure injection. :data:`FAULTS` is the one table of what exists; the wrappers
in :mod:`vla.runtime.faulty_driver` and :mod:`vla.runtime.faulty_model` carry it out. ``docs/faults.md`` is
the page for people.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from vla.contract import ContractError, RobotSpec

VERBS = ("off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent")
NAMED = ("camera", "state")
"""Components whose parts have names: ``camera.wrist``, ``state.tool_x``."""

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Amount:
    """What the number after a verb's colon means.

    Attributes:
        unit: ``"s"``, ``"of reads"`` and the like; ``"s"`` is seconds, everything else a share.
        default: Taken when no number is given.
        high: Largest legal number; the smallest is above 0.
    """

    unit: str
    default: float
    high: float


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of :data:`FAULTS`.

    Attributes:
        does: What happens, in one sentence.
        amount: What its number means; None where the verb takes none.
    """

    does: str
    amount: Amount | None = None


def _seconds(default: float) -> Amount:
    return Amount("s", default, 60.0)


def _share(of: str, default: float) -> Amount:
    return Amount(of, default, 1.0)


FAULTS: Mapping[str, Mapping[str, Effect]] = {
    "camera": {
        "off": Effect("The picture is black."),
        "stuck": Effect("The picture is the one of when the fault began."),
        "garbage": Effect("The picture is noise, new at each read."),
        "wrong": Effect(
            "The picture is the next camera's, in alphabetical order; a lone camera's is mirrored."
        ),
        "slow": Effect("A new picture comes only every so many seconds.", _seconds(0.5)),
        "delayed": Effect("The picture is so many seconds old; the stamp does not tell.", _seconds(0.2)),
        "intermittent": Effect("The picture is black at this share of reads.", _share("of reads", 0.5)),
    },
    "state": {
        "off": Effect("The value is 0."),
        "stuck": Effect("The value is the one of when the fault began."),
        "garbage": Effect("The value is drawn anew at each read: one in four is NaN, inf, -inf or 1e38."),
        "wrong": Effect("The value is too high by this share of the axis's range.", _share("of range", 0.1)),
        "slow": Effect("A new value comes only every so many seconds.", _seconds(0.5)),
        "delayed": Effect("The value is so many seconds old; the stamp does not tell.", _seconds(0.2)),
        "intermittent": Effect("The value is 0 at this share of reads.", _share("of reads", 0.5)),
    },
    "driver": {
        "off": Effect("Reading, writing and holding raise DriverFault."),
        "stuck": Effect("Writes have no effect, and the driver says that they had."),
        "garbage": Effect("Writes and holds return nonsense as sent: NaN, inf, 1e38 or a value too few."),
        "wrong": Effect(
            "Too much is sent on each axis, by this share of its range.", _share("of range", 0.1)
        ),
        "slow": Effect("Each read, write and hold takes so many seconds.", _seconds(0.1)),
        "delayed": Effect(
            "Reads give what was sensed so many seconds ago, with its true stamp.", _seconds(0.2)
        ),
        "intermittent": Effect(
            "This share of reads, writes and holds raise DriverFault.", _share("of calls", 0.1)
        ),
    },
    "policy": {
        "off": Effect("Each request fails."),
        "stuck": Effect("Each answer is the first chunk since the fault began, dated anew."),
        "garbage": Effect("One value of each chunk is NaN, inf, -inf or 1e38."),
        "wrong": Effect(
            "Each chunk is reversed, a column too narrow or too wide, of float64, or without rows."
        ),
        "slow": Effect("Each answer comes so many seconds late.", _seconds(0.5)),
        "intermittent": Effect("This share of requests fail.", _share("of requests", 0.3)),
    },
    "planner": {
        "off": Effect("Each request fails."),
        "stuck": Effect("Each answer is the first plan since the fault began."),
        "garbage": Effect("The steps are random letters."),
        "wrong": Effect("The steps come in reverse order."),
        "slow": Effect("Each answer comes so many seconds late.", _seconds(5.0)),
        "intermittent": Effect("This share of requests fail.", _share("of requests", 0.3)),
    },
    "link": {
        "off": Effect("No answer arrives."),
        "stuck": Effect("The last answer arrives once more in place of each new one."),
        "garbage": Effect("The bytes of each chunk are random; a plan arrives as unreadable."),
        "delayed": Effect("Answers arrive so many seconds later.", _seconds(0.2)),
        "intermittent": Effect("This share of answers never arrive.", _share("of answers", 0.2)),
    },
}
"""Component to verb to what it does. A combination that is not here is refused."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and its window of time.

    Attributes:
        component: A key of :data:`FAULTS`.
        verb: A key of ``FAULTS[component]``.
        name: The camera or state axis; empty means all of them, and must be for other components.
        amount: See the table; None means the verb's default, and stays None where the verb takes no number.
        from_s: Seconds since the start of the run at which it begins.
        to_s: When it is over; inf means never.

    Raises:
        ContractError: on a combination that is not in the table, or a number outside its range.
    """

    component: str
    verb: str
    name: str = ""
    amount: float | None = None
    from_s: float = 0.0
    to_s: float = math.inf

    def __post_init__(self) -> None:
        effects = FAULTS.get(self.component)
        if effects is None:
            raise ContractError(f"fault component {self.component!r} is not one of {', '.join(FAULTS)}")
        if self.verb not in VERBS:
            raise ContractError(f"fault verb {self.verb!r} is not one of {', '.join(VERBS)}")
        if self.verb not in effects:
            raise ContractError(
                f"fault {self.component}={self.verb} is not supported; "
                f"{self.component} takes {', '.join(effects)}"
            )
        if self.name and self.component not in NAMED:
            raise ContractError(
                f"fault {self.component}.{self.name}: only {' and '.join(NAMED)} have named parts"
            )
        if not 0 <= self.from_s < self.to_s:
            raise ContractError(f"fault window {self.from_s:g}-{self.to_s:g} s must begin before it ends")
        self._settle_amount(effects[self.verb].amount)

    def _settle_amount(self, wanted: Amount | None) -> None:
        what = f"fault {self.component}={self.verb}"
        if wanted is None and self.amount is not None:
            raise ContractError(f"{what} takes no amount, got {self.amount:g}")
        if wanted is None:
            return
        if self.amount is None:
            object.__setattr__(self, "amount", wanted.default)
        elif not 0 < self.amount <= wanted.high:
            raise ContractError(
                f"{what}:{self.amount:g} must be above 0, at most {wanted.high:g} {wanted.unit}"
            )

    def __str__(self) -> str:
        """The fault in the grammar: ``parse_faults(str(fault)) == (fault,)``."""
        name = f".{self.name}" if self.name else ""
        amount = "" if self.amount is None else f":{_digits(self.amount)}"
        until = "" if math.isinf(self.to_s) else f"-{_digits(self.to_s)}"
        window = f"@{_digits(self.from_s)}{until}" if self.from_s or until else ""
        return f"{self.component}{name}={self.verb}{amount}{window}"

    @property
    def size(self) -> float:
        """``amount`` as a number; 0 where the verb takes none."""
        return self.amount or 0.0

    def active(self, elapsed_s: float) -> bool:
        """True inside the window; ``elapsed_s`` counts from the start of the run."""
        return self.from_s <= elapsed_s < self.to_s


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read ``COMPONENT[.NAME]=VERB[:AMOUNT][@FROM[-TO]]``, separated by commas; spaces around are ignored.

    Args:
        text: For example ``"camera.wrist=stuck, policy=slow:0.3, driver=garbage@5-8"``; empty for none.

    Raises:
        ContractError: the message names the word and what would have been valid.
    """
    return tuple(_parse(word.strip()) for word in text.split(",")) if text.strip() else ()


def check_faults(faults: Iterable[Fault], spec: RobotSpec) -> None:
    """Raise :class:`ContractError` when a fault names a camera or state axis that ``spec`` lacks."""
    names = {"camera": sorted(spec.cameras), "state": [axis.name for axis in spec.state]}
    for fault in faults:
        if fault.name and fault.name not in names[fault.component]:
            known = ", ".join(names[fault.component])
            raise ContractError(
                f"fault {fault}: {spec.name!r} has no {fault.component} {fault.name!r}; it has {known}"
            )


def _parse(word: str) -> Fault:
    target, equals, rest = word.partition("=")
    if not equals:
        raise ContractError(f"fault {word!r} is not COMPONENT[.NAME]=VERB[:AMOUNT][@FROM[-TO]]")
    component, dot, name = target.partition(".")
    if dot and not name:
        raise ContractError(f"fault {word!r}: the name after '.' is missing")
    what, at, window = rest.partition("@")
    verb, colon, amount = what.partition(":")
    start, dash, end = window.partition("-")
    return Fault(
        component,
        verb,
        name,
        _number(word, "AMOUNT", amount) if colon else None,
        _number(word, "FROM", start) if at else 0.0,
        _number(word, "TO", end) if dash else math.inf,
    )


def _number(word: str, what: str, digits: str) -> float:
    if not _NUMBER.fullmatch(digits):
        raise ContractError(f"fault {word!r}: {what} {digits!r} is not a number such as 2 or 0.25")
    return float(digits)


def _digits(number: float) -> str:
    return np.format_float_positional(number, trim="-")
