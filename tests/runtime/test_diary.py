"""The diary keeps every change of mind, first and last above all, and never grows beyond its size."""

from __future__ import annotations

from vla.contract import Plan
from vla.runtime.diary import MAX_CHARACTERS, MAX_ENTRIES, PlanDiary


def plan(note: str, seen: str = "", steps: int = 1) -> Plan:
    return Plan("g", ("go",) * steps, 0, ("active",) * steps, note, seen=seen)


def test_only_changes_are_noted_with_their_time():
    diary = PlanDiary()
    for time_s, words in enumerate(["a", "a", "b", "b", "a"]):
        diary.note(plan(words, "x"), time_s)
    assert [(entry.time_s, entry.note, entry.seen) for entry in diary.entries] == [
        (0, "a", "x"), (2, "b", "x"), (4, "a", "x"),
    ]  # fmt: skip
    diary.note(plan("a", "y", steps=2), 5)
    assert (diary.entries[-1].seen, diary.entries[-1].steps) == ("y", ("go", "go"))


def test_of_too_many_changes_the_first_and_the_last_are_kept():
    diary = PlanDiary()
    for number in range(3 * MAX_ENTRIES):
        diary.note(plan(str(number)), float(number))
    times = [entry.time_s for entry in diary.entries]
    assert len(times) == MAX_ENTRIES
    assert times == sorted(times)
    assert (times[:3], times[-2:]) == ([0, 1, 2], [3 * MAX_ENTRIES - 2, 3 * MAX_ENTRIES - 1])


def test_long_texts_are_cut_and_many_of_them_forgotten():
    diary = PlanDiary()
    for number in range(100):
        diary.note(plan(f"{number} " * 4000, "y" * 4000, steps=64), float(number))
    assert sum(entry.characters for entry in diary.entries) <= MAX_CHARACTERS
    assert diary.entries[0].time_s == 0
    assert diary.entries[-1].time_s == 99
    assert diary.entries[-1].seen == "y" * 297 + "..."
