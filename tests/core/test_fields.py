"""The values of settings: names and durations, and that a refusal is one line with field, value and rule."""

from __future__ import annotations

import enum
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from unicodedata import normalize

import pytest
from configs import DURATIONS, MAY_BE_ZERO, Chatty, Unspeakable, config, refused
from hypothesis import given
from hypothesis import strategies as st
from oneline import assert_one_line

from incumbent import ConfigurationError

# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "lock_id",
    ["a", "service/reports", "x" * 255, "Größe/日本", "a b", ".hidden", "...", "a/.b/c..", "a%2Fb", "*", 0, 2**64 - 1],
)
def test_a_lock_id_is_taken_as_it_is(lock_id):
    """Printable text of 1 to 255 characters in segments, or an unsigned int of 64 bits."""
    made = config(lock_id=lock_id)
    assert (made.lock_id, made.name) == (lock_id, str(lock_id))


def test_the_name_of_an_enum_is_its_value():
    """A member of a text or int enum names the election by its value, in every Python."""
    job = enum.Enum("Job", {"REPORTS": "service/reports"}, type=str)
    number = enum.Enum("Number", {"SEVEN": 7}, type=int)
    assert config(lock_id=job.REPORTS).name == "service/reports"
    assert config(lock_id=number.SEVEN).name == "7"


@pytest.mark.parametrize(
    ("lock_id", "rule"),
    [
        ("", "lock_id is empty: give it 1 to 255 characters"),
        ("x" * 256, "longer than 255 characters"),
        ("x" * 10_000, "longer than 255 characters"),
        ("a\0b", "control or unprintable character"),
        ("a\nb", "control or unprintable character"),
        ("a\x1b[31mb", "control or unprintable character"),
        ("a\u202eb", "control or unprintable character"),
        ("\ud800", "control or unprintable character"),
        ("\x7f", "control or unprintable character"),
        ("reports ", "begins or ends with a blank: take it away"),
        (" reports", "begins or ends with a blank: take it away"),
        ("cafe\u0301", "is not in Unicode's form NFC: pass it through unicodedata.normalize('NFC', …)"),
        ("/", "segment"),
        ("/a", "segment"),
        ("a/", "segment"),
        ("a//b", "segment"),
        (".", "segment"),
        ("..", "segment"),
        ("../../etc/passwd", "segment"),
        ("a/../b", "segment"),
        ("a/./b", "segment"),
        (-1, "from 0 to 2**64 - 1"),
        (2**64, "from 0 to 2**64 - 1"),
        (-(10**5000), "from 0 to 2**64 - 1"),
        (10**5000, "from 0 to 2**64 - 1"),
        (True, "must be text or an unsigned int"),
        (None, "must be text or an unsigned int"),
        (1.0, "must be text or an unsigned int"),
        (nan, "must be text or an unsigned int"),
        (b"reports", "must be text or an unsigned int"),
        (["reports"], "must be text or an unsigned int"),
        (Chatty(), "must be text or an unsigned int"),
        (Unspeakable(), "must be text or an unsigned int"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str | float | bool) else type(value).__name__,
)
def test_a_bad_lock_id_is_refused(lock_id, rule):
    """One line that begins with the field and says the rule."""
    message = refused(lock_id=lock_id)
    assert message.startswith("lock_id ")
    assert rule in message


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        ("", "candidate is empty: give it 1 to 255 characters"),
        ("x" * 256, "longer than 255 characters"),
        ("x" * 10_000, "longer than 255 characters"),
        ("a\0", "control or unprintable character"),
        ("a\r", "control or unprintable character"),
        ("\udc80", "control or unprintable character"),
        ("host:1 ", "begins or ends with a blank"),
        ("Bu\u0308ro", "is not in Unicode's form NFC"),
        (5, "must be text, not 5"),
        (True, "must be text, not True"),
        (b"a", "must be text, not b'a'"),
        (10**5000, "must be text, not 0x"),
    ],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) else "int",
)
def test_a_bad_candidate_is_refused(candidate, rule):
    """An id is printable text of 1 to 255 characters."""
    message = refused(candidate=candidate)
    assert message.startswith("candidate ")
    assert rule in message


def test_a_candidate_may_be_any_printable_text():
    """Spaces and other scripts are no trouble; nor is the longest id."""
    for candidate in ("host:1:ab", "Büro 7", "x" * 255):
        assert config(candidate=candidate).candidate == candidate


@given(st.text(st.characters(), max_size=300))
def test_any_name_is_kept_or_refused(text):
    """A name is never changed on its way, and never leads out of where it belongs."""
    try:
        made = config(lock_id=text)
    except ConfigurationError as error:
        assert_one_line(error)
        return
    assert made.name == text
    assert text.isprintable()
    assert text.strip() == text == normalize("NFC", text)
    assert not {"", ".", ".."} & set(text.split("/"))


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (-1, "-1 must be"),
        (-0.001, "-0.001 must be"),
        (-(10**5000), "must be"),
        (-5e-324, "must be"),
        (timedelta(seconds=-1), "-1.0 must be"),
        (nan, "nan must be a finite number of seconds"),
        (-inf, "-inf must be a finite number of seconds"),
        (1e308, "more than a century"),
        (10**5000, "more than a century"),
        (timedelta.max, "more than a century"),
        (True, "must be seconds (a number) or a timedelta, not True"),
        (False, "must be seconds (a number) or a timedelta, not False"),
        ("10", "must be seconds (a number) or a timedelta, not '10'"),
        ("10s", "must be seconds (a number) or a timedelta, not '10s'"),
        ("", "must be seconds (a number) or a timedelta, not ''"),
        ("x" * 10_000, "(10002 characters)"),
        (b"1", "must be seconds (a number) or a timedelta, not b'1'"),
        (1j, "must be seconds (a number) or a timedelta, not 1j"),
        (Decimal(5), "must be seconds (a number) or a timedelta, not Decimal('5')"),
        (Decimal("Infinity"), "must be seconds (a number) or a timedelta, not Decimal('Infinity')"),
        (Decimal("sNaN"), "must be seconds (a number) or a timedelta, not Decimal('sNaN')"),
        (Fraction(5), "must be seconds (a number) or a timedelta, not Fraction(5, 1)"),
        ([5], "must be seconds (a number) or a timedelta, not [5]"),
        (Chatty(), "must be seconds (a number) or a timedelta, not [[1 2]"),
        (Unspeakable(), "must be seconds (a number) or a timedelta, not "),
    ],
    ids=lambda value: ascii(value)[:15] if isinstance(value, str | float | bool) else type(value).__name__,
)
def test_a_bad_duration_is_refused(name, value, rule):
    """Whatever the field: one line that begins with its name, and says the value and the rule."""
    message = refused(**{name: value})
    assert message.startswith(f"{name} ")
    assert rule in message


@pytest.mark.parametrize("name", [name for name in DURATIONS if name != "handover_timeout"])
def test_a_time_without_end_is_refused(name):
    """Nothing else may take for ever."""
    assert refused(**{name: inf}) == f"{name} inf must be a finite number of seconds"


@pytest.mark.parametrize("given", [{}, {"handover_timeout": None}, {"handover_timeout": inf}])
def test_callbacks_are_waited_for_without_end_unless_something_else_is_said(given):
    """The default shows what is in force, and a copy of the config has it as well."""
    made = config(**given)
    assert made.handover_timeout == replace(made, ttl=20).handover_timeout == inf


@pytest.mark.parametrize("name", [name for name in DURATIONS if name not in MAY_BE_ZERO])
@pytest.mark.parametrize("zero", [0, 0.0, -0.0, timedelta()])
def test_no_time_at_all_is_refused(name, zero):
    """0 seconds are refused where they mean nothing."""
    assert "must be more than 0 seconds" in refused(**{name: zero})


def test_a_ttl_of_none_is_refused():
    """The one duration whose default is a number cannot be switched off."""
    assert refused(ttl=None).startswith("ttl must be seconds")


def test_the_longest_duration_is_a_century():
    """Up to a hundred years of 366 days are taken, and nothing beyond."""
    century = 100 * 366 * 86400
    assert config(relinquish_interval=century).relinquish_interval == century
    assert "century" in refused(relinquish_interval=century + 1)
