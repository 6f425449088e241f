"""The metrics of elections, as a scrape finds them."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from incumbent import BackendUnavailableError, Reason
from incumbent.prometheus import PrometheusObserver


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metric(registry):
    """Return a function for the value that a scrape finds now, None if there is none."""

    def read(name, **labels):
        return registry.get_sample_value(f"incumbent_{name}", {"election": "reports", **labels})

    return read


def test_leading_is_true_by_the_clock_at_the_scrape(stage, registry, metric):
    """P2: with every thread of ours stuck, a scrape after the deadline finds that this process does not lead."""
    stage.election(stage.puppet(), observer=PrometheusObserver(registry))
    stage.clock.advance(10)
    assert (metric("is_leader"), metric("token")) == (1, 1)
    assert metric("term_seconds_left") == pytest.approx(3.85)
    stage.clock.advance(4)
    assert (metric("is_leader"), metric("token"), metric("term_seconds_left")) == (0, None, None)


def test_a_candidate_that_waits_does_not_lead(stage, registry, metric):
    """An election is known from the first answer on, and its counters begin at 0: only then is an increase one."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    stage.election(puppet, observer=PrometheusObserver(registry))
    assert metric("is_leader") == metric("backend_failing") == 0
    assert metric("terms_total") == metric("outages_total") == metric("renewals_late_total") == 0
    assert {metric("terms_ended_total", reason=reason.value) for reason in Reason} == {0}
    assert metric("handover_seconds_count") == 0


def test_terms_are_counted_with_the_reasons_of_their_ends(stage, registry, metric):
    """A hand-over, a loss: how many terms began, why they ended, and how long a hand-over took."""
    puppet = stage.puppet()
    observer = PrometheusObserver(registry)
    election = stage.election(puppet, observer=observer, on_deposed=lambda *_: stage.clock.advance(0.3))
    election.relinquish()
    stage.advance(20)
    puppet.answers.update(check=None, acquire=None)
    stage.advance(3)
    assert metric("terms_total") == 2
    assert metric("terms_ended_total", reason="relinquished") == 1
    assert metric("terms_ended_total", reason="lost") == 1
    assert metric("handover_seconds_count") == 1
    assert metric("handover_seconds_sum") == pytest.approx(0.3)


def test_an_outage_and_its_late_renewal_are_counted(stage, registry, metric):
    """While no call succeeds the gauge says so; calls are kept by verb and outcome."""
    puppet = stage.puppet()
    stage.election(puppet, observer=PrometheusObserver(registry))
    puppet.answers["check"] = BackendUnavailableError("connection refused")
    stage.advance(8)
    assert (metric("backend_failing"), metric("outages_total")) == (1, 1)
    assert metric("call_seconds_count", verb="check_leadership", outcome="failed") > 1
    del puppet.answers["check"]
    stage.advance(5)
    assert (metric("backend_failing"), metric("outages_total")) == (0, 1)
    assert metric("renewals_late_total") == 1
    assert metric("call_seconds_count", verb="acquire_leadership", outcome="answered") == 1


def test_one_observer_serves_all_elections_of_a_process(stage, registry):
    """Each has its label; a name that a label cannot hold as it is, is escaped."""
    observer = PrometheusObserver(registry)
    for name in ("reports", 'a "quoted" \\ name'):
        stage.election(stage.puppet(lock_id=name), observer=observer, lock_id=name)
    shown = generate_latest(registry).decode()
    assert 'incumbent_is_leader{election="reports"} 1.0' in shown
    assert r'incumbent_is_leader{election="a \"quoted\" \\ name"} 1.0' in shown
