"""One controller at a time (a machine that tries every order of events), whatever the others do."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vla.runtime.clock import SimulatedClock
from vla.runtime.lease import Lease, LeaseError

NAMES = ("ann", "bob")


def test_nobody_takes_it_from_its_holder() -> None:
    lease = Lease(SimulatedClock())
    token = lease.take("ann")
    with pytest.raises(LeaseError, match="'ann' holds the lease"):
        lease.take("bob")
    with pytest.raises(LeaseError, match="not its holder's"):
        lease.renew("0" * 32)
    with pytest.raises(LeaseError, match="not its holder's"):
        lease.renew("\ud800")  # what JSON can spell and UTF-8 cannot
    lease.renew(token)


def test_it_is_free_again_when_it_is_not_renewed() -> None:
    clock = SimulatedClock()
    lease = Lease(clock, 2.0)
    token = lease.take("ann")
    clock.advance(1.9)
    lease.renew(token)
    clock.advance(2.1)
    assert lease.holder is None
    with pytest.raises(LeaseError, match="nobody holds the lease"):
        lease.renew(token)
    lease.take("bob")
    with pytest.raises(LeaseError, match="'bob' holds"):
        lease.renew(token)


def test_a_successor_alone_may_take_what_is_handed_over_for_a_while() -> None:
    clock = SimulatedClock()
    lease = Lease(clock, 2.0)
    lease.release(lease.take("ann"), "bob")
    with pytest.raises(LeaseError, match="kept for 'bob'"):
        lease.take("ann")
    lease.release(lease.take("bob"), "cleo")
    clock.advance(2.1)
    assert lease.take("ann")


@settings(max_examples=60, stateful_step_count=50, deadline=None)
class LeaseMachine(RuleBasedStateMachine):
    """Two people at every order of events; the model knows only who took it and when it was last renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SimulatedClock()
        self.lease = Lease(self.clock, 2.0)
        self.tokens: dict[str, str] = dict.fromkeys(NAMES, "none")
        self.holder: str | None = None
        self.renewed_s = 0.0
        self.kept_for: str | None = None

    def free(self) -> bool:
        return self.holder is None or self.clock.now_s() - self.renewed_s > 2.0

    @rule(wait_s=st.sampled_from([0.1, 1.0, 1.9, 2.5]))
    def wait(self, wait_s: float) -> None:
        self.clock.advance(wait_s)
        if self.clock.now_s() - self.renewed_s > 2.0:
            self.holder, self.kept_for = None, None

    @rule(name=st.sampled_from(NAMES))
    def take(self, name: str) -> None:
        if self.free() and self.kept_for in (None, name):
            self.tokens[name] = self.lease.take(name)
            self.holder, self.renewed_s, self.kept_for = name, self.clock.now_s(), None
        else:
            with pytest.raises(LeaseError):
                self.lease.take(name)

    @rule(name=st.sampled_from(NAMES))
    def renew(self, name: str) -> None:
        if self.holder == name:
            self.lease.renew(self.tokens[name])
            self.renewed_s = self.clock.now_s()
        else:
            with pytest.raises(LeaseError):
                self.lease.renew(self.tokens[name])

    @rule(name=st.sampled_from(NAMES), successor=st.sampled_from([None, *NAMES]))
    def release(self, name: str, successor: str | None) -> None:
        if self.holder == name:
            self.lease.release(self.tokens[name], successor)
            self.holder, self.renewed_s, self.kept_for = None, self.clock.now_s(), successor
        else:
            with pytest.raises(LeaseError):
                self.lease.release(self.tokens[name], successor)

    @invariant()
    def the_holder_is_who_took_it(self) -> None:
        assert self.lease.holder == self.holder


TestLeaseMachine = LeaseMachine.TestCase
