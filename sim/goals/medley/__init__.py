"""Goals for training only: sets, exceptions, places, conditions and orders in other combinations.

They are composed of a few parts each: ways to refer to things (:mod:`.referring`), sets of things
(:mod:`.sets`), single deeds (:mod:`.deeds`), conditions (:mod:`.conditions`). Whatever a description needs is
laid with the table, so that a goal's desire names rows and the judge needs no words.

**No template here may coincide with a held-out one**, that is, ask for the same kind of goal with the same
kind of arguments, in whatever words:

==========================  ============================================================================
held out                    therefore never
==========================  ============================================================================
``grasp_lowest``            what carries a tower is picked up, held or grasped
``fetch_onto``              what is in the drawer goes on top of something
``gather_all_but``          the blocks except some go on the tray
``tidy_all_but``            everything except something goes on the tray
``tower_any_order``         all blocks become a tower in any order
``swap_corners``            two things in corners change places
``if_more_press_else_open`` which of two kinds are more decides about the button or the drawer
``sort_all_but``            the blocks except some go to the corners by colour
``clear_blocks``            nothing is to stand on any of the blocks
``what_is_in``              what is in the bowl or on the tray is asked, as such
==========================  ============================================================================
"""

from __future__ import annotations

from typing import Final

from sim.goals.goal import Template
from sim.goals.medley import (
    ability,
    absent,
    building,
    conditions,
    counting,
    errands,
    exchanging,
    heights,
    hindered,
    looking,
    sequences,
    sets,
    unknown,
)

_ROOMS: Final = (
    errands, sets, conditions, sequences, building, exchanging, absent, hindered, unknown, heights, looking,
    counting, ability,
)  # fmt: skip
MEDLEY: Final[tuple[Template, ...]] = tuple(template for room in _ROOMS for template in room.TEMPLATES)
"""Every template; none has wordings for tests, none is part of the benchmark."""
