"""What a follower does with a claim that it is granted."""

from machines import TIMING, attempting, handing_over

from incumbent import BackendRejectedError, Claim
from incumbent.engine import events as ev
from incumbent.engine.machine import Phase


def test_a_grant_that_came_too_late_is_given_back():
    """P2: an attempt whose answer took longer than the renew deadline begins no term."""
    subject = attempting()
    actions = subject.handle(ev.Granted(Claim(1, 15.0, sent=100.0)), 110.0)
    assert ev.Call(ev.Verb.RELINQUISH) in actions
    assert subject.phase is Phase.RELINQUISHING


def test_the_claim_of_the_last_term_is_given_back():
    """P4: what is on its way may still end that claim; the next term has one of its own."""
    subject = handing_over()
    subject.handle(ev.Relinquished(), 101.0)
    actions = subject.handle(ev.Granted(Claim(1, 15.0, sent=107.0)), 107.0)
    assert ev.Call(ev.Verb.RELINQUISH) in actions
    assert subject.phase is Phase.RELINQUISHING


def test_a_claim_that_lasts_too_little_ends_the_campaign():
    """P3: a backend that guarantees less than the renew deadline needs is refused for good, and nothing stays held."""
    subject = attempting()
    actions = subject.handle(ev.Granted(Claim(1, TIMING.renew_deadline, sent=100.0)), 100.0)
    assert ev.Call(ev.Verb.RELINQUISH) in actions
    (finish,) = subject.handle(ev.Relinquished(), 100.0)
    assert isinstance(finish.error, BackendRejectedError)
    assert "raise what the backend grants or lower renew_deadline" in str(finish.error)
