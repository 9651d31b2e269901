"""A server's numbers for Prometheus, on a loopback port of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vla.bridge.server import PolicyServer
from vla.bridge.tally import COUNTS, Histogram
from vla.contract import ContractError
from vla.extras import needs

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_GAUGES = {
    "sessions": ("sessions", "Robots being served."),
    "waiting": ("waiting", "Act requests that wait for the policy."),
    "busy_seconds": (
        "busy_s",
        "How long the policy has been at its present work; one that hangs shows here.",
    ),
    "uptime_seconds": ("uptime_s", "Since the start."),
}


class ServerMetrics:
    """A collector for ``prometheus_client``: reads a server's counters when it is asked, and not before."""

    def __init__(self, server: PolicyServer) -> None:
        self._server = server

    def collect(self) -> Iterable[Metric]:
        """Every counter, gauge and histogram, as it is now; names begin with ``handily_``."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        health, tally = self._server.health(), self._server.tally
        for name, meaning in COUNTS.items():
            yield CounterMetricFamily(f"handily_{name}", meaning, value=health[name])
        for name, (key, meaning) in _GAUGES.items():
            yield GaugeMetricFamily(f"handily_{name}", meaning, value=health[key])
        for name, meaning, histogram in (
            ("act_latency_seconds", "From receipt of an act request to its reply.", tally.latency_s),
            ("queue_wait_seconds", "From receipt of an act request to the policy's turn.", tally.wait_s),
            ("batch_size", "Act requests per turn of the policy.", tally.batch),
        ):
            buckets = _buckets(histogram)
            yield HistogramMetricFamily(
                f"handily_{name}", meaning, buckets=buckets, sum_value=histogram.total
            )


@contextmanager
def metrics_endpoint(server: PolicyServer, port: int) -> Iterator[int]:
    """Answer scrapes of ``http://127.0.0.1:port/metrics`` inside the ``with`` block; yields the port.

    Args:
        server: Whose numbers.
        port: 0 picks a free one.

    Raises:
        ContractError: prometheus-client is not installed (:class:`~vla.extras.MissingExtra`), or the port is
            taken.
    """
    with needs("serve"):
        from prometheus_client import CollectorRegistry, start_http_server
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerMetrics(server))
    try:
        http, thread = start_http_server(port, "127.0.0.1", registry)
    except OSError as error:
        raise ContractError(f"metrics_port {port} cannot be bound: {error.strerror}") from error
    try:
        yield http.server_port
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    return list(zip(bounds, itertools.accumulate(map(float, histogram.counts)), strict=True))
