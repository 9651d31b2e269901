"""What Prometheus sees."""

from __future__ import annotations

import builtins
import urllib.request

import pytest

from vla.bridge.client import BridgeClient
from vla.bridge.metrics import metrics_endpoint
from vla.bridge.remote import RemotePolicy
from vla.bridge.tally import COUNTS, Histogram, Tally
from vla.conformance import sample_observation
from vla.contract import ContractError


def test_a_scrape_shows_every_counter_as_it_is_now(serve, policy, spec) -> None:
    server = serve(policy)
    with (
        BridgeClient(server.endpoint, spec, timeout_s=5.0) as client,
        metrics_endpoint(server, 0) as port,
    ):
        client.hello()
        for _ in range(3):
            RemotePolicy(client).act(sample_observation(spec), "go")
        client.health()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert {f"handily_{name}_total" for name in COUNTS} <= values.keys()
    assert float(values["handily_acts_total"]) == 3
    assert float(values["handily_sessions"]) == 1
    assert float(values["handily_busy_seconds"]) == 0
    assert float(values["handily_act_latency_seconds_count"]) == 3
    assert float(values['handily_act_latency_seconds_bucket{le="+Inf"}']) == 3
    assert float(values["handily_act_latency_seconds_sum"]) >= float(values["handily_queue_wait_seconds_sum"])
    assert float(values['handily_batch_size_bucket{le="1.0"}']) == 3


def test_a_taken_port_is_named(serve, policy) -> None:
    server = serve(policy)
    with (
        metrics_endpoint(server, 0) as port,
        pytest.raises(ContractError, match=f"metrics_port {port}"),
        metrics_endpoint(server, port),
    ):
        pass


def test_without_prometheus_client_the_extra_is_named(serve, policy, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: object) -> object:
        if name.startswith("prometheus_client"):
            raise ModuleNotFoundError(name, name=name)
        return real(name, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ContractError, match=r"handily\[serve\]"), metrics_endpoint(serve(policy), 0):
        pass


def test_a_histogram_counts_each_value_once_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    assert histogram.mean == 0
    for value in (0.5, 1.0, 1.5, 2.0, 7.0):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1]
    assert (histogram.total, histogram.mean) == (12.0, 2.4)


def test_percentiles_are_of_the_latest_acts() -> None:
    tally = Tally()
    assert tally.percentile_s(50) == 0
    for _ in range(512):
        tally.act(0.0, 9.0)
    for _ in range(512):
        tally.act(0.0, 0.25)
    assert tally.percentile_s(95) == 0.25
