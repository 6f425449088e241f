"""The settings: what is completed, what is refused, and that a refusal is one line with field, value and rule."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from datetime import timedelta
from math import inf, isfinite, nan

import pytest
from configs import CALLBACKS, DURATIONS, Chatty, Unspeakable, config, refused
from hypothesis import given
from hypothesis import strategies as st
from oneline import assert_one_line

from incumbent import DEFAULT_RELINQUISH_INTERVAL, ConfigurationError, LeaderElectionConfig
from incumbent.config import lifetime
from incumbent.schedule import Cron, Every

# ---------------------------------------------------------------- what is completed


def test_defaults_show_what_is_in_force():
    """With a name alone, every setting has its documented value; the timings follow from the ttl."""
    made = config()
    life = 15 * 0.99 - 1.0
    assert (made.ttl, made.close_timeout, made.relinquish_interval) == (15.0, 15.0, DEFAULT_RELINQUISH_INTERVAL)
    assert made.leader_check_interval == made.follower_check_interval == pytest.approx(life / 5)
    assert made.renew_deadline == pytest.approx(0.75 * life)
    assert made.request_timeout == 2.0
    assert made.cooldown == pytest.approx(2 * life / 5)
    assert made.candidate is None
    assert [getattr(made, name) for name in CALLBACKS] == [None] * 5


def test_timings_follow_the_ttl():
    """A shorter ttl shortens the check interval, the renew deadline and the request timeout with it."""
    made = config(ttl=3)
    life = 3 * 0.99 - 1.0
    assert made.leader_check_interval == made.request_timeout == pytest.approx(life / 5)
    assert made.renew_deadline == pytest.approx(0.75 * life)
    assert made.close_timeout == 3.0


def test_what_is_given_wins_and_others_follow_it():
    """A given check interval is the follower's too, and the cool-down's half."""
    made = config(leader_check_interval=2)
    assert (made.leader_check_interval, made.follower_check_interval, made.cooldown) == (2.0, 2.0, 4.0)
    made = config(leader_check_interval=2, follower_check_interval=5, cooldown=0)
    assert (made.follower_check_interval, made.cooldown) == (5.0, 0.0)


@pytest.mark.parametrize("name", DURATIONS)
def test_a_timedelta_is_seconds(name):
    """Every duration may be a timedelta, and is a float of seconds afterwards."""
    for given_value in (timedelta(seconds=5, milliseconds=500), 5.5):
        value = getattr(config(**{"leader_check_interval": 1, name: given_value}), name)
        assert (value, type(value)) == (5.5, float)


@pytest.mark.parametrize(
    "options", [{}, {"relinquish_interval": 0}, {"relinquish_interval": 0.0}, {"relinquish_interval": timedelta()}]
)
def test_relinquish_interval_of_nothing_is_the_default(options):
    """0, or leaving it out, means `DEFAULT_RELINQUISH_INTERVAL`."""
    made = config(**options)
    assert made.relinquish_interval == 300.0
    assert isinstance(made.schedule, Every)
    assert made.schedule.seconds == 300.0


def test_relinquish_interval_none_is_never():
    """None turns hand-overs off, and nothing is scheduled."""
    made = config(relinquish_interval=None)
    assert (made.relinquish_interval, made.schedule) == (None, None)


def test_a_spec_wins_over_any_interval():
    """A spec is the schedule whatever the interval says, also if that is None."""
    made = config(relinquish_interval=None, relinquish_interval_spec="CRON_TZ=UTC 0 3 * * *")
    assert isinstance(made.schedule, Cron)
    assert config(relinquish_interval=7, relinquish_interval_spec="@every 2h").schedule.seconds == 7200.0


def test_a_config_is_immutable():
    """No field can be set or deleted afterwards."""
    made = config()
    for field in fields(made):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, 5)
        with pytest.raises(FrozenInstanceError):
            delattr(made, field.name)


def test_a_config_is_a_value():
    """Equal settings are equal and hash equally; copies, pickles and `replace` keep what is in force."""
    made = config(lock_id=7, relinquish_interval_spec="@every 2h")
    assert made == config(lock_id=7, relinquish_interval_spec="@every 2h")
    assert hash(made) == hash(config(lock_id=7, relinquish_interval_spec="@every 2h"))
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), replace(made)):
        assert other == made
        assert other.schedule == made.schedule
    assert replace(made, lock_id="x").name == "x"


def test_a_config_may_be_subclassed():
    """A class that adds to the config has the same fields and defaults."""

    class Own(LeaderElectionConfig):
        pass

    assert Own(lock_id="x").leader_check_interval == config().leader_check_interval


@pytest.mark.parametrize(
    ("guarantee", "expected"),
    [(inf, inf), (15.0, 15 * 0.99 - 1), (20.0, 20 * 0.99 - 1), (100.0, 100 * 0.99 - 5), (1.0, -0.01)],
)
def test_lifetime_leaves_the_margin(guarantee, expected):
    """P3: guarantee · 0.99 - max(1 s, 5 %); a claim that never ends needs no margin."""
    assert lifetime(guarantee) == pytest.approx(expected)


# ---------------------------------------------------------------- callbacks and specs


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize(
    "value", [0, 1, "print", [], Chatty(), Unspeakable(), 10**5000], ids=lambda v: type(v).__name__
)
def test_a_callback_that_cannot_be_called_is_refused(name, value):
    """One line that names the callback and shows what was given."""
    assert refused(**{name: value}).startswith(f"{name} must be callable, not ")


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("", "needs five fields"),
        ("   ", "needs five fields"),
        ("* * * *", "has 4"),
        ("60 * * * *", "out of range"),
        ("0 0 30 2 *", "never comes"),
        ("@every", "not a duration"),
        ("@every 0s", "more than 0"),
        ("@hurly", "did you mean '@hourly'?"),
        ("x" * 10_000, "longer than 200 characters"),
        ("* * * * \0", "is not cron"),
        ("\ud800 * * * *", "is not cron"),
        ("CRON_TZ=Mars/X 0 0 * * *", "unknown time zone 'Mars/X'"),
        (5, "5: must be text"),
        (True, "True: must be text"),
        (b"@hourly", "must be text"),
        (10**5000, "must be text"),
        (Unspeakable(), "must be text"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str | bool) else type(value).__name__,
)
def test_a_bad_spec_is_refused_at_construction(spec, rule):
    """One line that begins with the field's name, shows the spec and says why."""
    message = refused(relinquish_interval_spec=spec)
    assert message.startswith("relinquish_interval_spec ")
    assert rule in message


# ---------------------------------------------------------------- relations


@pytest.mark.parametrize("ttl", [1e-9, 0.5, 1, 1.01])
def test_a_ttl_without_room_for_a_term_is_refused(ttl):
    """P3: where clock rates and margin leave nothing, the arithmetic is shown."""
    message = refused(ttl=ttl)
    assert message.startswith(f"ttl {ttl:g} s is too short: {ttl:g} x 0.99 - 1 s margin leaves ")
    assert "at least 2" in message


def test_the_ttl_that_is_advised_works():
    """What the refusal of a short ttl advises is enough."""
    assert config(ttl=2).renew_deadline < lifetime(2)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"leader_check_interval": 12}, ["(12 s)", "(2 s)", "(10.3875 s)"]),
        ({"request_timeout": 9}, ["(2.77 s)", "(9 s)", "(10.3875 s)"]),
        ({"leader_check_interval": 4, "request_timeout": 2, "renew_deadline": 6}, ["(4 s)", "(2 s)", "(6 s)"]),
        ({"ttl": 86400 * 365, "leader_check_interval": 86400 * 365}, ["(3.1536e+07 s)"]),
    ],
)
def test_a_check_that_cannot_be_repeated_in_time_is_refused(options, numbers):
    """P3: check interval plus request timeout must be below the renew deadline; all three are shown."""
    message = refused(**options)
    assert message.startswith("leader_check_interval (")
    assert "must be less than renew_deadline (" in message
    for number in numbers:
        assert number in message


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"renew_deadline": 13.85}, ["(13.85 s)", "ttl 15 s", "at 13.85 s"]),
        ({"renew_deadline": 15}, ["(15 s)", "ttl 15 s"]),
        ({"renew_deadline": 1e9}, ["(1e+09 s)", "ttl 15 s"]),
        ({"ttl": 60, "renew_deadline": 57}, ["(57 s)", "ttl 60 s", "at 56.4 s"]),
    ],
)
def test_a_renew_deadline_past_the_deadline_is_refused(options, numbers):
    """P3: the renew deadline must lie before the deadline that the ttl allows; the numbers are shown."""
    message = refused(**options)
    assert message.startswith("renew_deadline (")
    for number in numbers:
        assert number in message


def test_relations_hold_right_below_their_limits():
    """The relations are strict and no stricter: just inside, a config is made."""
    assert config(leader_check_interval=3.9, request_timeout=2, renew_deadline=6).renew_deadline == 6.0
    assert config(renew_deadline=13.8).renew_deadline == 13.8


# ---------------------------------------------------------------- properties

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [10**400, -(10**400), 10**5000, -(10**5000), 2**64, nan, inf, -inf, 1e308, Chatty(), Unspeakable()]
    ),
    st.floats(),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.timedeltas(),
    st.text(st.characters(), max_size=300),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lo"]), max_size=10),
    st.binary(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
    st.just(print),
)


@given(st.sampled_from([field.name for field in fields(LeaderElectionConfig)]), anything)
def test_any_object_for_any_field_is_a_config_or_one_line(name, value):
    """Whatever is given for a field: either a config that keeps its relations, or one printable line."""
    try:
        made = config(**{name: value})
    except ConfigurationError as error:
        message = assert_one_line(error)
    else:
        message = name
        assert_relations(made)
    assert name in message


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.one_of(st.none(), st.floats(0, 100), st.floats(), st.timedeltas()) for name in DURATIONS}
    )
)
def test_any_timings_are_a_sound_config_or_one_line(options):
    """Whatever timings are combined: P3's relations hold in every config that is made."""
    try:
        made = config(**options)
    except ConfigurationError as error:
        assert_one_line(error)
        return
    assert_relations(made)


def assert_relations(made: LeaderElectionConfig) -> None:
    assert made.leader_check_interval + made.request_timeout < made.renew_deadline < lifetime(made.ttl)
    for name in DURATIONS:
        value = getattr(made, name)
        if name == "relinquish_interval" and value is None:
            continue
        assert type(value) is float
        assert isfinite(value) or (name, value) == ("handover_timeout", inf)
        assert value > 0 or name == "cooldown"
