"""The deadlines of a term: from when they count, what puts them off, and what does not."""

from math import inf

from machines import attempting, leading

from incumbent import Claim, Reason
from incumbent.engine import events as ev
from incumbent.engine.machine import Phase


def test_deadlines_count_from_the_request():
    """P2, P3: deadline = sent + guarantee x 0.99 - max(1 s, 5 %), and the answer's own time plays no part."""
    subject = attempting()
    subject.handle(ev.Granted(Claim(1, 15.0, sent=100.0)), 104.0)
    assert subject.deadline == 100.0 + 15.0 * 0.99 - 1.0
    assert subject.renew_deadline == 110.0


def test_an_older_answer_does_not_shorten_a_term():
    """P2: an answer to an earlier request neither extends nor shortens the deadline."""
    subject = leading()
    subject.handle(ev.Due(ev.Timer.NEXT), 103.0)
    subject.handle(ev.Granted(Claim(1, 15.0, sent=99.0)), 103.1)
    assert subject.deadline == 100.0 + 15.0 * 0.99 - 1.0


def test_a_renewal_that_promises_too_little_does_not_put_off_the_renew_deadline():
    """P3: whatever a renewal promises, there is time between the renew deadline and the end to stop the work."""
    subject = leading()
    subject.handle(ev.Due(ev.Timer.NEXT), 103.0)
    actions = subject.handle(ev.Granted(Claim(1, 6.0, sent=109.0)), 109.0)
    assert ev.ExtendTerm(109.0 + 6.0 * 0.99 - 1.0) in actions
    assert subject.renew_deadline == 110.0
    assert ev.EndTerm(Reason.NOT_RENEWED) in subject.handle(ev.Due(ev.Timer.RENEW_DEADLINE), 110.0)


def test_a_claim_without_end_has_no_deadline():
    """P2: a guarantee until the process ends gives a term without a deadline."""
    actions = attempting().handle(ev.Granted(Claim(1, inf, sent=100.0)), 100.0)
    assert ev.BeginTerm(Claim(1, inf, 100.0), inf) in actions


def test_a_late_timer_cannot_save_a_term():
    """P2: after a pause beyond the renew deadline, the answer that arrives first does not extend the term."""
    subject = leading()
    subject.handle(ev.Due(ev.Timer.NEXT), 103.0)
    actions = subject.handle(ev.Granted(Claim(1, 15.0, sent=103.0)), 111.0)
    assert actions[0] == ev.EndTerm(Reason.NOT_RENEWED)
    assert subject.phase is Phase.DEPOSED
