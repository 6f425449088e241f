"""Metrics for Prometheus: an observer of elections that a registry of `prometheus_client` collects from."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .instrumentation import (
    CallbackLate,
    Called,
    Deposed,
    Elected,
    ElectionObserver,
    HandedOver,
    OutageBegan,
    OutageEnded,
    Renewed,
    Waiting,
)
from .state import Reason
from .term import Term

__all__ = ["PrometheusObserver"]

#: Seconds. A call takes from half a millisecond on this host to its timeout, 2 s as a rule; callbacks may take minutes.
CALLS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0)
HAND_OVERS = (0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class PrometheusObserver(ElectionObserver):
    """
    Keeps the metrics of all elections that it observes. Thread-safe.

    Whether a candidate leads, and for how long still, is computed when it is collected: it is true by the clock at that
    moment (P2). The label `election` is the lock id; which process it is, Prometheus adds itself.

    Args:
        registry: Where the metrics are registered, once: make one observer for all elections of a process.

    Raises:
        ValueError: The registry has such metrics already.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._lock = threading.Lock()
        self._terms: dict[str, dict[str, Term]] = {}
        self._failing: dict[str, set[str]] = {}
        self._terms_begun = self._counter(registry, "terms", "Terms that have begun.")
        self._terms_ended = self._counter(registry, "terms_ended", "Terms that have ended, by the reason.", "reason")
        self._late = self._counter(registry, "renewals_late", "Renewals that came when half of the term had passed.")
        self._outages = self._counter(registry, "outages", "Times in which no call into the backend succeeded.")
        self._callbacks = self._counter(registry, "callbacks_late", "Warnings of callbacks that do not return.")
        self._calls = Histogram(
            "incumbent_call_seconds",
            "How long calls into the backend took; check_leadership renews.",
            ["election", "verb", "outcome"],
            buckets=CALLS,
            registry=registry,
        )
        self._hand_overs = Histogram(
            "incumbent_handover_seconds",
            "From the end of a term to the moment from which another can lead.",
            ["election"],
            buckets=HAND_OVERS,
            registry=registry,
        )
        registry.register(_Now(self))

    def _counter(self, registry: CollectorRegistry, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"incumbent_{name}", words, ["election", *labels], registry=registry)

    # ------------------------------------------------------------ what is told

    def waiting(self, event: Waiting) -> None:
        """Know of the election."""
        self._know(event.election)

    def elected(self, event: Elected) -> None:
        """Count the term."""
        self._know(event.election)
        with self._lock:
            self._terms[event.election][event.candidate] = event.term
        self._terms_begun.labels(event.election).inc()

    def renewed(self, event: Renewed) -> None:
        """Count it if it was late."""
        if event.late:
            self._late.labels(event.election).inc()

    def deposed(self, event: Deposed) -> None:
        """Count the end."""
        with self._lock:
            self._terms[event.election].pop(event.candidate, None)
        self._terms_ended.labels(event.election, event.reason.value).inc()

    def handed_over(self, event: HandedOver) -> None:
        """Keep how long it took."""
        self._hand_overs.labels(event.election).observe(event.seconds)

    def called(self, event: Called) -> None:
        """Keep how long it took."""
        self._know(event.election)
        outcome = "answered" if event.error is None else "failed"
        self._calls.labels(event.election, event.verb, outcome).observe(event.seconds)

    def outage_began(self, event: OutageBegan) -> None:
        """Count the outage."""
        self._know(event.election)
        with self._lock:
            self._failing[event.election].add(event.candidate)
        self._outages.labels(event.election).inc()

    def outage_ended(self, event: OutageEnded) -> None:
        """Know that it is over."""
        with self._lock:
            self._failing[event.election].discard(event.candidate)

    def callback_late(self, event: CallbackLate) -> None:
        """Count the warning."""
        self._callbacks.labels(event.election).inc()

    def _know(self, election: str) -> None:
        """Have the counters of *election* begin at 0: an increase from nothing at all is none to Prometheus."""
        with self._lock:
            if election in self._terms:
                return
            self._terms[election], self._failing[election] = {}, set()
        for counter in (self._terms_begun, self._late, self._outages, self._callbacks):
            counter.labels(election)
        for reason in Reason:
            self._terms_ended.labels(election, reason.value)
        self._hand_overs.labels(election)

    # ------------------------------------------------------------ what is so now

    def now(self) -> Iterator[tuple[str, Term | None, bool]]:
        """Yield each election, the term that is valid at this moment, and whether its backend fails."""
        with self._lock:
            known = [(election, list(terms.values())) for election, terms in self._terms.items()]
            failing = {election for election, candidates in self._failing.items() if candidates}
        for election, terms in known:
            valid = [term for term in terms if term.is_valid()]
            yield election, valid[0] if valid else None, election in failing


class _Now(Collector):
    """Makes gauges of what is so at the moment of a look."""

    def __init__(self, observer: PrometheusObserver) -> None:
        self._observer = observer

    def collect(self) -> Iterator[Metric]:
        leads = GaugeMetricFamily("incumbent_is_leader", "1 while this process leads, else 0.", labels=["election"])
        token = GaugeMetricFamily("incumbent_token", "The token of the present term.", labels=["election"])
        left = GaugeMetricFamily(
            "incumbent_term_seconds_left", "For how long the present term is sure to last.", labels=["election"]
        )
        fails = GaugeMetricFamily(
            "incumbent_backend_failing", "1 while no call into the backend succeeds, else 0.", labels=["election"]
        )
        for election, term, failing in self._observer.now():
            leads.add_metric([election], 0 if term is None else 1)
            fails.add_metric([election], int(failing))
            if term is not None:
                token.add_metric([election], term.token)
                left.add_metric([election], term.remaining())
        yield from (leads, token, left, fails)
