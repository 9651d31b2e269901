"""Suites of tasks that others wrote, played by their published protocols behind one set of verbs."""

from __future__ import annotations

from typing import Final

from sim.suites.aloha import ALOHA
from sim.suites.metaworld import METAWORLD
from sim.suites.suite import Suite
from vla.contract import ContractError

SUITES: Final[dict[str, Suite]] = {suite.name: suite for suite in (METAWORLD, ALOHA)}


def suite_of(name: str) -> Suite:
    """The suite of that name.

    Raises:
        ContractError: there is none; the message lists them.
    """
    if name not in SUITES:
        raise ContractError(f"suite {name!r} is not one of {', '.join(SUITES)}")
    return SUITES[name]
