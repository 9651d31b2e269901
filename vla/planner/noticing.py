"""Whether an instruction has been carried out, as far as the object queries can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor

from vla.models.scene import Sighting
from vla.planner.grammar import COLOURS, FIXTURES, NAMES, Step
from vla.planner.sight import PLACES, STATES
from vla.planner.symbols import LOOSE

_LOOSE: Final = [PLACES.index(place) for place in PLACES if place in LOOSE]


def carried_out_share(step: Step, sighting: Sighting) -> float:
    """Probability in [0, 1] that an instruction is fulfilled in the first picture of a batch."""
    return _FAMILIES[step.family](step, sighting)


def _place(step: Step, sighting: Sighting) -> Tensor:
    """Probabilities of where the thing is, given that it is there, (places,)."""
    return sighting.place[0, NAMES.index(step.target)].softmax(-1)


def _in(step: Step, sighting: Sighting) -> float:
    return float(_place(step, sighting)[PLACES.index(step.place)])


def _loose(step: Step, sighting: Sighting) -> float:
    return float(_place(step, sighting)[_LOOSE].sum())


def _on(step: Step, sighting: Sighting) -> float:
    colours = sighting.base[0, NAMES.index(step.target)].softmax(-1)
    colour = colours[COLOURS.index(step.place.split()[0])]
    return float(_place(step, sighting)[PLACES.index("on")] * colour)


def _held(step: Step, sighting: Sighting) -> float:
    return float(_place(step, sighting)[PLACES.index("hand")])


def _over(step: Step, sighting: Sighting) -> float:
    return float(torch.sigmoid(sighting.over[0, NAMES.index(step.target)]))


def _state(fixture: str, state: str) -> Callable[[Step, Sighting], float]:
    def share(_: Step, sighting: Sighting) -> float:
        return float(sighting.state[0, FIXTURES.index(fixture)].softmax(-1)[STATES.index(state)])

    return share


_FAMILIES: Final[Mapping[str, Callable[[Step, Sighting], float]]] = {
    "reach": _over,
    "pick_up": _held,
    "put_in": _in,
    "push": _in,
    "put_in_drawer": _in,
    "stack": _on,
    "unstack": _loose,
    "take_out": _loose,
    "open_drawer": _state("drawer", "open"),
    "close_drawer": _state("drawer", "closed"),
    "press_button": _state("button", "open"),
}
