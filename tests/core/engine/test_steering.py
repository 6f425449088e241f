"""What follows from a request, for the leader, for the one that is to lead, and for the others."""

from math import inf

import pytest

from incumbent import LeaderRecord
from incumbent.engine.steering import COURTESY, LEADERLESS, LONGEST_ASIDE, Orders, Request, Steering

NOW = 1000.0
TO_B = Request("handover", 41, "b")


def asks(request, token=7):
    return LeaderRecord("reports.control", str(request), token)


@pytest.fixture
def steering():
    """Return a function that makes what the candidate of that name knows of a request."""

    def make(candidate, request=TO_B):
        made = Steering(candidate, COURTESY)
        made.asked(asks(request), NOW)
        return made

    return make


@pytest.mark.parametrize(
    "request_",
    [
        Request("handover", 0),
        TO_B,
        Request("handover", 2**63, "host:1:ab/ç &=%"),
        Request("pause"),
        Request("come", to="b"),
        Request("prefer", 41, "b", 100),
    ],
    ids=str,
)
def test_request_is_read_as_it_was_written(request_):
    """It is the id of who asks: text that has no character of its own meaning in any store."""
    assert Request.parse(str(request_)) == request_
    assert str(request_).isascii()


@pytest.mark.parametrize(
    "text",
    [
        "host:1:ab",
        "",
        "do=",
        "do=handover",
        "do=handover&from=",
        "do=handover&from=x",
        "do=handover&from=-1",
        "do=x&from=1",
        "do=come",
        "do=prefer&from=41&to=b",
        "do=prefer&from=41&preference=5",
        "do=prefer&from=41&to=b&preference=high",
    ],
)
def test_other_ids_ask_for_nothing(text):
    """Somebody else's election may have that name, and a later version may ask for what is not known here."""
    assert Request.parse(text) is None


def test_leader_hands_over_when_the_others_had_time_to_stand_aside(steering):
    """The named candidate is to be the only one that tries: so the leader leads on for a moment."""
    assert steering("a").orders(leads=41) == Orders(-inf, NOW + COURTESY)


@pytest.mark.parametrize(
    ("candidates", "is_clear"), [("ab", True), ("b", True), ("abc", False), ("a", False), ("", False)]
)
def test_leader_hands_over_at_once_when_nobody_else_waits(steering, candidates, is_clear):
    """Where candidates are listed it sees that the others have left, and that the named one is there."""
    leader = steering("a")
    leader.listed(candidates)
    assert leader.orders(leads=41) == Orders(-inf, NOW if is_clear else NOW + COURTESY)
    leader.listed("abc")
    assert leader.orders(leads=41) == Orders(-inf, NOW + COURTESY)


def test_clear_way_is_that_of_one_request(steering):
    """The next one names another candidate, for whom the others have to stand aside first."""
    leader = steering("a")
    leader.listed("ab")
    leader.asked(asks(Request("handover", 41, "c"), token=8), NOW + 1)
    assert leader.orders(leads=41) == Orders(-inf, NOW + 1 + COURTESY)


def test_leader_hands_over_to_anybody_at_once(steering):
    """Where nobody is named there is nothing to wait for."""
    assert steering("a", Request("handover", 41)).orders(leads=41) == Orders(-inf, NOW)


@pytest.mark.parametrize(("candidate", "leads"), [("a", 40), ("a", 42), ("b", 41)])
def test_request_for_another_term_changes_nothing(steering, candidate, leads):
    """A leader of another term, and one that is to lead and does, go on."""
    assert steering(candidate).orders(leads=leads) == Orders(-inf)


def test_others_stand_aside_while_the_leader_leads_and_a_moment_longer(steering):
    """Until the term is over, however long its callbacks take; then for as long as the named one may need."""
    other = steering("c")
    assert other.orders(leads=None) == Orders(NOW + LONGEST_ASIDE)
    other.saw(LeaderRecord("reports", "a", 41), NOW + 1)
    assert other.orders(leads=None) == Orders(NOW + LONGEST_ASIDE)
    other.saw(LeaderRecord("reports", None, None), NOW + 5)
    other.saw(LeaderRecord("reports", None, None), NOW + 6)
    assert other.orders(leads=None) == Orders(NOW + 5 + LEADERLESS)


def test_named_candidate_tries_as_ever(steering):
    """It has nothing to do but to be there."""
    assert steering("b").orders(leads=None) == Orders(-inf)


def test_nobody_stands_aside_for_anybody(steering):
    """Where nobody is named all may try, but for the leader, whose cool-down sees to that."""
    assert steering("c", Request("handover", 41)).orders(leads=None) == Orders(-inf)


def test_pause_keeps_everybody_from_being_elected_and_ends_no_term(steering):
    """Who leads goes on; nobody else tries for as long as it lasts."""
    assert steering("a", Request("pause")).orders(leads=41) == Orders(inf)
    assert steering("c", Request("pause")).orders(leads=None) == Orders(inf)


def test_request_that_is_gone_means_nothing(steering):
    """It ends with who asked: everybody goes on as before."""
    for candidate, leads in (("a", 41), ("c", None)):
        each = steering(candidate)
        each.asked(LeaderRecord("reports.control", None, None), NOW + 1)
        assert each.orders(leads=leads) == Orders(-inf)
        assert each.request is None


def test_the_same_request_is_counted_from_when_it_was_first_seen(steering):
    """Looking again puts nothing off; another request, which has another token, begins anew."""
    leader = steering("a")
    leader.asked(asks(TO_B), NOW + 0.5)
    assert leader.orders(leads=41) == Orders(-inf, NOW + COURTESY)
    leader.asked(asks(TO_B, token=8), NOW + 0.7)
    assert leader.orders(leads=41) == Orders(-inf, NOW + 0.7 + COURTESY)


PREFERRED = Request("prefer", 41, "b", 50)


@pytest.mark.parametrize(
    ("preference", "age", "hands_over"), [(0, 10.0, True), (49, 60.0, True), (50, 60.0, False), (0, 8.9, False)]
)
def test_leader_hands_over_to_who_is_preferred_after_a_while(preference, age, hands_over):
    """Its term is long enough when it would end; of any other request of that kind it takes no notice, now or later."""
    leader = Steering("a", 10.0, told=COURTESY, preference=preference, min_term=10.0)
    leader.asked(asks(PREFERRED), NOW)
    assert leader.orders(leads=41, began=NOW - age) == Orders(-inf, NOW + COURTESY if hands_over else None)


@pytest.mark.parametrize(("preference", "aside"), [(49, NOW + LONGEST_ASIDE), (50, -inf)])
def test_who_is_less_preferred_stands_aside(preference, aside):
    """The others compare as the leader does."""
    other = Steering("c", COURTESY, preference=preference)
    other.asked(asks(PREFERRED), NOW)
    assert other.orders(leads=None) == Orders(aside)
