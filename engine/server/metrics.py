"""What the service counts, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..gallery.query_sums import QueryDrift
from .trail import Request

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """One registry for each service, so that two in a process don't mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stages = Histogram(
            "onelook_stage_seconds",
            "Time that a stage of recognition took: decode, embed, decide, locate.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.requests = Histogram(
            "onelook_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ["route", "method", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.decisions = Counter(
            "onelook_decisions",
            "Decisions, by outcome: known or unknown.",
            ["outcome"],
            registry=self.registry,
        )
        self.errors = Counter(
            "onelook_errors", "Requests refused or failed.", ["error"], registry=self.registry
        )
        self.batches = Histogram(
            "onelook_batch_pictures",
            "Pictures embedded at once.",
            buckets=_BATCHES,
            registry=self.registry,
        )
        self.queue = Gauge(
            "onelook_queue_pictures",
            "Pictures accepted and not yet answered.",
            registry=self.registry,
        )
        self.classes = Gauge("onelook_classes", "Classes enrolled.", registry=self.registry)
        self.different = Gauge(
            "onelook_queries_different", "Different queries counted.", registry=self.registry
        )
        self.drift = Gauge(
            "onelook_query_drift",
            "How far queries sit from the catalog, in units of its spread.",
            registry=self.registry,
        )
        self.left = Gauge(
            "onelook_queries_left_calibration",
            "1 where queries have left what the calibration knows, else 0.",
            registry=self.registry,
        )

    @contextmanager
    def stage(self, name: str, requests: Collection[Request]) -> Iterator[None]:
        """Time a stage of those requests' work, for their log lines as well."""
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            self.stages.labels(name).observe(seconds)
            for request in requests:
                request.stages.append((name, seconds))

    def decided(self, *, known: bool) -> None:
        """Count a decision that was given as an answer."""
        self.decisions.labels("known" if known else "unknown").inc()

    def drifted(self, drift: QueryDrift | None) -> None:
        """Tell where queries sit."""
        self.different.set(0 if drift is None else drift.queries)
        self.drift.set(0.0 if drift is None else drift.distance)
        self.left.set(0 if drift is None else drift.alarm)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
