"""Durations as Go writes them: what they mean, and what is refused."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instants import CENTURY
from oneline import assert_one_line, refusal

from incumbent import ConfigurationError
from incumbent.schedule import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5h", 1800.0),
        ("1.h", 3600.0),
        ("90m", 5400.0),
        ("300ms", 0.3),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("1μs", 1e-6),
        ("1ns", 1e-9),
        ("2h45m30.5s", 9930.5),
        ("1m1h", 3660.0),
        ("0h1s", 1.0),
        ("1ms1s", 1.001),
        ("007s", 7.0),
        ("876000h", 876000 * 3600.0),
    ],
)
def test_a_go_duration_is_seconds(text, seconds):
    """Every unit of Go, fractions, and several parts in any order."""
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "1h30",
        "h",
        "1 h",
        "1h 30m",
        "1H",
        "1d",
        "1w",
        "-1h",
        "+-1h",
        "1.2.3h",
        ".h",
        "1e3s",
        "nan",
        "inf",
        "infs",
        "0x1s",
        "1_0s",
        "1,5h",
        "\u0665s",
        "1s\n",
        "1s\0",
        "\x1b[31m1s",
        "1\ud800s",
        "1s" * 101,
        "9" * 10_000 + "s",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_what_is_no_go_duration_is_refused(text):
    """One line that shows it and says what one looks like."""
    assert "not a duration such as 1h30m" in refusal(parse_duration, text)


@pytest.mark.parametrize("text", ["0s", "0h0m0s", "0.0ns", "0." + "0" * 190 + "ns", "878400h", "9" * 190 + "h"])
def test_a_duration_without_sense_is_refused(text):
    """More than nothing, less than a century."""
    assert "must be more than 0 and less than a century" in refusal(parse_duration, text)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.sampled_from([("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_duration_is_the_sum_of_its_parts(parts):
    """Whatever the parts: their sum in seconds, or a refusal if that is nothing or a century."""
    text = "".join(f"{number}{unit}" for number, (unit, _) in parts)
    total = sum(number * seconds for number, (_, seconds) in parts)
    if 0 < total < CENTURY:
        assert parse_duration(text) == pytest.approx(total)
    else:
        refusal(parse_duration, text)


@given(st.one_of(st.text(st.characters()), st.text("0123456789.hmsnuµ-+e ", max_size=12)))
def test_any_text_is_a_duration_or_one_line(text):
    """Whatever the text: a finite number of seconds in the allowed range, or one printable line."""
    try:
        seconds = parse_duration(text)
    except ConfigurationError as error:
        assert_one_line(error)
        return
    assert isfinite(seconds)
    assert 0 < seconds < CENTURY
