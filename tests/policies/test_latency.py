from dataclasses import replace
from pathlib import Path

import pytest

from policies.checkpoint import read_checkpoint
from policies.latency import ROWS, fresh_policy, measure, variants
from vla.models.action_tokens import ActionTokens


def test_every_way_of_learning_actions_is_timed_over_the_same_trunk(trained: Path) -> None:
    checkpoint = read_checkpoint(trained)
    settings = variants(checkpoint.config)
    assert list(settings) == ["flow", "diffusion", "act", "autoregressive", ROWS]
    assert len({replace(one.model, expert=checkpoint.config.model.expert) for one in settings.values()}) == 1
    policies = {name: fresh_policy(checkpoint, one, "cpu") for name, one in settings.items()}
    written = [policies[name]._network.expert for name in ("autoregressive", ROWS)]
    assert [one.steps for one in written if isinstance(one, ActionTokens)] == [32, 8]
    told: list[tuple[int, int]] = []
    found = measure(policies, 3, lambda done, total: told.append((done, total)))
    assert list(found) == list(settings)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    for latency in found.values():
        assert latency.weights > 10_000
        for times_s in (latency.chunk_s, latency.expert_s, latency.ongoing_s):
            assert times_s.shape == (3,)
            assert (times_s > 0).all()
    # One evaluation costs less than thirty-two, whatever else keeps the machine busy.
    assert found["act"].expert_s.min() < found["autoregressive"].expert_s.min()


def test_no_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="rounds 0"):
        measure({}, 0)
