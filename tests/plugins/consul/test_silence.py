"""An engine that is silent for a ttl: its claim is given up for it, and never comes back as another term."""

from __future__ import annotations

import consul_stage as stage
import pytest

from incumbent import BackendSettings, BackendUnavailableError
from incumbent.testing import FakeClock


@pytest.fixture
def clock():
    return FakeClock(now=stage.settings().clock())


@pytest.fixture
def backend(opened, clock):
    settings = BackendSettings(stage.TTL, stage.REQUEST_TIMEOUT, clock.now)
    return opened(settings=settings)


def test_silent_claim_is_given_up(server, name, backend, clock):
    """P7: the session lives on for other elections; who does not check for a ttl must not lead for ever."""
    elector = backend.elector(name, "a")
    elector.acquire_leadership()
    clock.advance(stage.TTL + 0.1)
    elector.look()
    assert stage.holder(server, name) is None
    assert elector.check_leadership() is None


def test_claim_that_could_not_be_given_up_is_not_taken_for_another_terms(server, name, backend, clock, monkeypatch):
    """P4: what could not be unlocked is unlocked before it is locked again: a new term has a new token."""
    elector = backend.elector(name, "a")
    first = elector.acquire_leadership()
    clock.advance(stage.TTL + 0.1)
    with monkeypatch.context() as outage:
        outage.setattr(elector._client, "unlock", _fails)
        elector.look()
        assert elector.check_leadership() is None
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()  # not before it is known that the old claim is over
    assert stage.holder(server, name) is not None
    second = stage.lead(elector)
    assert second.token > first.token


def test_claim_that_could_not_be_given_up_goes_with_its_elector(server, name, backend, clock, monkeypatch):
    """P8: closing unlocks what was left locked."""
    elector = backend.elector(name, "a")
    elector.acquire_leadership()
    clock.advance(stage.TTL + 0.1)
    with monkeypatch.context() as outage:
        outage.setattr(elector._client, "unlock", _fails)
        elector.look()
        assert elector.check_leadership() is None
    elector.close()
    assert stage.holder(server, name) is None


def _fails(*_, **__):
    raise BackendUnavailableError("no answer")
