"""What the simulator knows and a robot does not: for experts, labels and judges only, never for policies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Truth:
    """The state of the world at one instant, in the robot frame.

    Attributes:
        tool_m: Tool position, shape (3,).
        gap_m: Distance between the fingers.
        position_m: Position of each entity row, shape (ROWS, 3); NaN where absent.
        speed_m_s: Speed of each movable row, shape (ROWS,); 0 for fixtures.
        held: Row of the object between both fingers, or -1.
        drawer_open_m: How far the drawer is out.
        button_pressed: True once the button has been pressed in this episode.
    """

    tool_m: NDArray[np.float64]
    gap_m: float
    position_m: NDArray[np.float64]
    speed_m_s: NDArray[np.float64]
    held: int
    drawer_open_m: float
    button_pressed: bool

    def resting(self, row: int) -> bool:
        """True when the object is let go and lies still (slower than 5 cm/s)."""
        return self.held != row and bool(self.speed_m_s[row] < 0.05)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, resolved against the scene.

    Attributes:
        family: Task family.
        target: Entity row of the object (or fixture) that the instruction refers to.
        destination: Entity row of the destination, or -1.
        point_m: Destination point when ``destination`` is -1 and there is one.
        colour: Colour word used to refer to the target, or None.
        noun: Shape word used to refer to the target ("object" when shape does not identify).
        relation: (relation, landmark fixture) used to refer to the target, or None.
        place: Name of the destination for the grammar ("bowl", "front left", ...), or "" for an object.
        base_colour: Colour word of the destination object where the destination is one.
        base_noun: Shape word of the destination object where the destination is one.
    """

    family: str
    target: int
    destination: int = -1
    point_m: tuple[float, float, float] | None = None
    colour: str | None = None
    noun: str = "object"
    relation: tuple[str, str] | None = None
    place: str = ""
    base_colour: str | None = None
    base_noun: str = ""

    def goal_m(self, truth: Truth) -> NDArray[np.float64]:
        """Where the target should go, shape (3,); NaN where the family has no destination."""
        if self.destination >= 0:
            return truth.position_m[self.destination]
        return np.array(self.point_m if self.point_m is not None else (np.nan,) * 3)
