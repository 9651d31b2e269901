"""What the word ``suite=NAME`` of a command asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module

from vla.config import check_choice, groups

_COMMANDS = {
    "planner": "vla.cli.evaluate_planner",
    "composite": "vla.cli.evaluate_composite",
    "success": "vla.cli.evaluate_success",
    "pointing": "vla.cli.evaluate_pointing",
}
"""Suites of ``handily eval`` with keys of their own; others are choices of the config group ``suite``."""
FOREIGN = ("metaworld", "aloha")
"""Suites that others wrote; see :data:`sim.suites.SUITES`."""


def choose_suite(words: Sequence[str], choices: Collection[str], default: str) -> tuple[str, list[str]]:
    """The suite that is asked for last, and the other words.

    Raises:
        ConfigError: there is no such suite; the message lists the choices.
    """
    prefix = "suite="
    named = [word.removeprefix(prefix) for word in words if word.startswith(prefix)]
    for name in named:
        check_choice("suite", name, choices)
    return named[-1] if named else default, [word for word in words if not word.startswith(prefix)]


def evaluate(overrides: list[str], show_config: bool) -> None:
    """``handily eval``: hand over to the suite's command.

    Raises:
        ConfigError: there is no such suite; the message lists the choices.
    """
    name, others = choose_suite(overrides, (*groups()["suite"], *_COMMANDS, *FOREIGN), "tabletop")
    if name in _COMMANDS:
        import_module(_COMMANDS[name]).evaluate(others, show_config)
    elif name in FOREIGN:
        from vla.cli.suite import evaluate as play

        play(name, others, show_config)
    else:
        from vla.cli.evaluate import evaluate as command

        command([*others, f"suite={name}"], show_config)
