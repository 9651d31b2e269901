"""The task families, one file each."""

from __future__ import annotations

from typing import Final

from sim.tasks.close_drawer import CloseDrawer
from sim.tasks.open_drawer import OpenDrawer
from sim.tasks.pick_up import PickUp
from sim.tasks.press_button import PressButton
from sim.tasks.push import Push
from sim.tasks.put_in import PutIn
from sim.tasks.put_in_drawer import PutInDrawer
from sim.tasks.reach import Reach
from sim.tasks.stack import Stack
from sim.tasks.take_out import TakeOut
from sim.tasks.task import Task
from sim.tasks.unstack import Unstack

TASKS: Final[dict[str, Task]] = {
    task.family: task
    for task in (
        Reach(), Push(), PickUp(), PutIn(), Stack(), Unstack(), OpenDrawer(), CloseDrawer(), PutInDrawer(),
        TakeOut(), PressButton(),
    )
}  # fmt: skip


def task_named(name: str) -> Task:
    """The task of that family.

    Raises:
        ValueError: there is none; the message lists the choices.
    """
    if name not in TASKS:
        raise ValueError(f"task {name!r} is not one of {', '.join(TASKS)}")
    return TASKS[name]
