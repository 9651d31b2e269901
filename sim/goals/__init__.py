"""Goals of several instructions, or of none: templates, tables on which they make sense, verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sim.goals import (
    absent,
    conditional,
    fetching,
    gathering,
    infeasible,
    questions,
    single,
    sorting,
    towers,
    uncovering,
)
from sim.goals.goal import Goal, Template, draw
from sim.goals.phrasings.examination import EXAMINATION

KINDS: Final = (
    "sort", "uncover", "fetch", "gather", "tidy", "tower", "swap", "conditional", "sequence", "single",
    "infeasible", "question",
)  # fmt: skip
_ROOMS = (
    sorting, uncovering, fetching, gathering, towers, conditional, single, absent, infeasible, questions,
)  # fmt: skip
TEMPLATES: Final[dict[str, Template]] = {
    template.name: replace(template, test=(*template.test, *EXAMINATION.get(template.name, ())))
    for room in _ROOMS
    for template in room.TEMPLATES
}
"""Every template by name; about one in six is held out from training."""


def template_named(name: str) -> Template:
    """The template of that name.

    Raises:
        ValueError: there is none; the message lists the choices.
    """
    if name not in TEMPLATES:
        raise ValueError(f"goal template {name!r} is not one of {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


__all__ = ["KINDS", "TEMPLATES", "Goal", "Template", "draw", "template_named"]
