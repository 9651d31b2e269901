"""What is said to be seen is what the object queries believe, as far as it can be so."""

from __future__ import annotations

import torch
from sightings import certain

from vla.planner.grammar import FIXTURES, NAMES
from vla.planner.seen import Seen, SeenThing, parse_seen
from vla.planner.sight import PLACES, STATES, seen_in, sight_words

SEEN = Seen(
    {"bowl": (4, 7), "drawer": None, "button": (9, 3)},
    "open",
    True,
    (
        SeenThing("red block", "table", (12, 3)),
        SeenThing("green ball", "drawer"),
        SeenThing("blue star", "red block"),
        SeenThing("cyan cylinder", "", None, True),
        SeenThing("white block", "front left"),
    ),
    "red block",
)


def test_labels_and_sight_are_inverse() -> None:
    assert seen_in(certain(SEEN)) == SEEN
    assert parse_seen(sight_words(certain(SEEN))) == SEEN


def test_an_empty_table_is_seen_as_one() -> None:
    assert seen_in(certain(Seen({}))) == Seen({})


def test_nothing_stands_on_what_is_not_there() -> None:
    sighting = certain(Seen({}, things=(SeenThing("blue star", "red block"),)))
    (star,) = seen_in(sighting).things
    assert star.place != "red block"
    assert star.name == "blue star"


def test_a_drawer_is_never_merely_there() -> None:
    sighting = certain(Seen({"drawer": None}, "closed"))
    sighting.state[0, FIXTURES.index("drawer"), STATES.index("there")] = 50.0
    assert seen_in(sighting).drawer == "closed"


def test_what_was_in_its_corner_is_there_until_it_is_plainly_elsewhere() -> None:
    sighting = certain(Seen({}, things=(SeenThing("red block", "table", (2, 12)),)))
    place = sighting.place[0, NAMES.index("red block")]
    before = {"red block": "front left"}
    place[PLACES.index("front left")] = place[PLACES.index("table")] - 1
    assert seen_in(sighting).things[0].place == "table"
    assert seen_in(sighting, before).things[0].place == "front left"
    place[PLACES.index("front left")] = place[PLACES.index("table")] - 3
    assert seen_in(sighting, before).things[0].place == "table"


def test_what_somebody_speaks_of_is_there_unless_it_is_plainly_not() -> None:
    sighting = certain(Seen({}))
    count = sighting.count[0, NAMES.index("red block")]
    count[:] = torch.tensor([0.5, 0.0, -9.0])
    assert not seen_in(sighting).things
    assert [thing.name for thing in seen_in(sighting, named={"red block"}).things] == ["red block"]
    count[0] = 2.0
    assert not seen_in(sighting, named={"red block"}).things


def test_two_things_of_one_name_are_believed_more_readily_but_only_at_a_first_look() -> None:
    sighting = certain(Seen({}, things=(SeenThing("red block", "table", (2, 12)),)))
    count = sighting.count[0, NAMES.index("red block")]
    count[2] = count[1] - 2
    assert seen_in(sighting).things[0].twin
    assert not seen_in(sighting, {}).things[0].twin
    count[2] = count[1] - 3
    assert not seen_in(sighting).things[0].twin
