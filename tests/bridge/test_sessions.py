"""Who is served, and who holds a policy with a memory."""

from __future__ import annotations

from itertools import count

import pytest

from vla.bridge.errors import BridgeError
from vla.bridge.sessions import Episode, Session, Sessions

_names = count()


def a_session(identity: bytes, now_s: float = 0.0, seed: int = 0) -> Session:
    return Session(identity, f"name-{next(_names)}", "raw", 1, now_s, Episode(seed))


def test_seeds_follow_from_the_reset_and_the_number_of_acts_alone() -> None:
    one, same, other = Episode(1), Episode(1), Episode(2)
    seeds = [one.next_seed() for _ in range(50)]
    assert seeds == [same.next_seed() for _ in range(50)]
    assert not set(seeds) & {other.next_seed() for _ in range(50)}
    assert len(set(seeds)) == 50
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_session_is_found_until_it_is_closed_or_replaced() -> None:
    sessions = Sessions(4, 10.0)
    first, second = a_session(b"a"), a_session(b"a")
    sessions.open(first, ())
    assert sessions.find(b"a") is first
    sessions.open(second, ())
    assert sessions.find(b"a") is second
    assert not sessions.alive(first)
    assert len(sessions) == 1
    sessions.close(first)
    assert sessions.alive(second)
    sessions.close(second)
    sessions.close(second)
    assert sessions.find(b"a") is None


def test_whoever_knows_the_name_takes_episode_and_hold_over() -> None:
    sessions = Sessions(4, 10.0)
    before, after, stranger = a_session(b"a", seed=7), a_session(b"b"), a_session(b"c")
    sessions.open(before, ())
    sessions.hold(before, 0.0)
    assert sessions.open(stranger, ["a guess"]) is None
    assert stranger.episode is not before.episode
    assert sessions.open(after, [before.name]) is before
    assert after.episode is before.episode
    assert not sessions.alive(before)
    sessions.hold(after, 0.0)
    with pytest.raises(BridgeError, match="busy"):
        sessions.hold(stranger, 0.0)


def test_a_hold_ends_with_its_session_or_after_silence() -> None:
    sessions = Sessions(4, 10.0)
    first, second = a_session(b"a"), a_session(b"b")
    sessions.open(first, ())
    sessions.open(second, ())
    sessions.hold(first, 0.0)
    for now_s in (0.0, 9.999):
        with pytest.raises(BridgeError, match="busy"):
            sessions.hold(second, now_s)
    sessions.hold(second, 10.0)
    second.heard_s = 10.0
    with pytest.raises(BridgeError, match="busy"):
        sessions.hold(first, 11.0)
    sessions.close(second)
    sessions.hold(first, 11.0)


def test_a_newcomer_displaces_only_the_silent() -> None:
    sessions = Sessions(2, 10.0)
    idle, busy = a_session(b"a", 0.0), a_session(b"b", 5.0)
    sessions.open(idle, ())
    sessions.open(busy, ())
    with pytest.raises(BridgeError, match="2 robots are being served"):
        sessions.open(a_session(b"c", 9.999), ())
    sessions.open(a_session(b"d", 6.0), [busy.name])  # coming back takes no new place
    sessions.open(a_session(b"c", 10.0), ())
    assert not sessions.alive(idle)
    assert len(sessions) == 2
