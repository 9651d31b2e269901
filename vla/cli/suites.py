"""Which ``handily eval`` a word ``suite=NAME`` asks for."""

from __future__ import annotations

from vla.config import check_choice, groups

PLANS = ("planner", "composite", "success", "metaworld")
"""Suites with keys of their own; the others are choices of the config group ``suite``."""


def evaluate(overrides: list[str], show_config: bool) -> None:
    """Hand over to the suite's command.

    Raises:
        ConfigError: there is no such suite; the message lists the choices.
    """
    named = [word.removeprefix("suite=") for word in overrides if word.startswith("suite=")]
    for name in named:
        check_choice("suite", name, (*groups()["suite"], *PLANS))
    if "composite" in named:
        from vla.cli.evaluate_composite import evaluate as command
    elif "success" in named:
        from vla.cli.evaluate_success import evaluate as command
    elif "planner" in named:
        from vla.cli.evaluate_planner import evaluate as command
    elif "metaworld" in named:
        from vla.cli.metaworld import evaluate as command
    else:
        from vla.cli.evaluate import evaluate as command
    command(overrides, show_config)
