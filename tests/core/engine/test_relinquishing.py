"""What comes after a term: its timers, and the look at the successor."""

from machines import LIMITED, handing_over

from incumbent import Claim, Reason
from incumbent.engine import events as ev
from incumbent.engine.relinquishing import FIRST_LOOK


def test_timers_of_one_term_do_not_run_out_for_the_next():
    """P6: after a pause, an old term's timer may end the present term by being late; it says nothing of that end."""
    subject = handing_over(LIMITED)
    subject.handle(ev.Relinquished(), 101.0)
    subject.handle(ev.Granted(Claim(2, 15.0, sent=107.0)), 107.0)
    told = []
    for timer in (ev.Timer.HANDOVER_DEADLINE, ev.Timer.CALLBACKS_LATE):
        told += subject.handle(ev.Due(timer), 121.0)
    assert told[0] == ev.EndTerm(Reason.NOT_RENEWED)
    assert not [action for action in told if isinstance(action, ev.Call | ev.CallbacksLate)]
    assert min(action.at for action in told if isinstance(action, ev.SetTimer)) > 121.0


def test_successor_has_the_backend_for_itself_at_first():
    """Who has handed over looks for its successor a moment later: it would see nobody, and keep the other waiting."""
    subject = handing_over()
    assert subject.handle(ev.Relinquished(), 101.0) == [ev.SetTimer(ev.Timer.NEXT, 101.0 + FIRST_LOOK)]
    looks = subject.handle(ev.Due(ev.Timer.NEXT), 101.0 + FIRST_LOOK)
    assert ev.Call(ev.Verb.OBSERVE) in looks
