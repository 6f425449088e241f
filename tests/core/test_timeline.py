"""Terms and gaps, out of what was seen of an election; and the drawing of them."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from incumbent import ConfigurationError
from incumbent.timeline import Moment, draw, parse_moment, spans, summary

SVG = "{http://www.w3.org/2000/svg}"
NOW = 1_792_670_400.0


SEEN = [
    Moment(NOW, "a", 41),
    Moment(NOW + 600),
    Moment(NOW + 615, "b", 42),
    Moment(NOW + 1200, is_known=False),
    Moment(NOW + 1300, "b", 42),
]


def test_spans_lie_between_changes():
    """Each lasts until the next change; the last one until the end that is given."""
    seen = spans(SEEN, NOW + 1800)
    assert [(span.leader, span.token, span.seconds, span.is_gap) for span in seen] == [
        ("a", 41, 600, False),
        (None, None, 15, True),
        ("b", 42, 585, False),
        (None, None, 100, False),
        ("b", 42, 500, False),
    ]


def test_what_is_seen_twice_is_one_span():
    """A look that finds what was so before changes nothing; the order of the lines does not matter."""
    twice = [*SEEN, Moment(NOW + 300, "a", 41)]
    assert spans(reversed(twice), NOW + 1800) == spans(SEEN, NOW + 1800)
    assert spans([], NOW) == []


def test_summary_says_how_long_nobody_led():
    """Terms, candidates, and the gaps: all in all, and the longest. What nobody saw is no gap."""
    assert (
        summary(spans(SEEN, NOW + 1800))
        == "3 terms of 2 candidates in 30 min; nobody led for 15.0 s (0.83 %), at most 15.0 s at a time"
    )


def test_drawing_has_a_row_for_each_candidate_and_a_bar_for_each_term():
    """It is XML that needs nothing from elsewhere; bars and gaps say what they are, and lie in their order."""
    drawing = draw("service/reports", spans(SEEN, NOW + 1800))
    root = ET.fromstring(drawing)
    titles = [each.text for each in root.iter(f"{SVG}title")]
    assert titles[0] == "service/reports"
    assert "a, token 41: 2026-10-22 12:00:00 UTC to 2026-10-22 12:10:00 UTC, 10 min" in titles
    assert "nobody led: 2026-10-22 12:10:00 UTC to 2026-10-22 12:10:15 UTC, 15.0 s" in titles
    assert "the backend did not answer: 2026-10-22 12:20:00 UTC to 2026-10-22 12:21:40 UTC, 100.0 s" in titles
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "bar"]
    assert len(bars) == 3
    assert len({bar.get("y") for bar in bars}) == 2
    assert [float(bar.get("x")) for bar in bars] == sorted(float(bar.get("x")) for bar in bars)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|<script", drawing)


def test_marks_of_the_axis_are_round_times():
    """Half an hour is marked every five minutes, in this machine's zone."""
    texts = [each.text or "" for each in ET.fromstring(draw("r", spans(SEEN, NOW + 1800))).iter(f"{SVG}text")]
    assert [text for text in texts if re.fullmatch(r"\d\d:\d\d", text)] == [
        *("12:00", "12:05", "12:10", "12:15", "12:20", "12:25", "12:30"),
    ]


@pytest.mark.parametrize("seconds", [0, 0.01, 1, 59, 3600, 86400 * 3, 86400 * 365 * 3])
def test_any_length_of_time_can_be_drawn(seconds):
    """From nothing at all to years: at most a handful of marks, none outside; and on a telephone fewer."""
    for width, most in ((1000, 11), (390, 5)):
        root = ET.fromstring(draw("r", spans([Moment(NOW, "a", 1)], NOW + seconds), width=width))
        marks = list(root.iter(f"{SVG}line"))
        assert len(marks) <= most
        assert all(0 <= float(mark.get("x1")) <= width for mark in marks)


def test_names_are_not_drawn_over():
    """However long it is, a name is above its bars, as whole as the width allows, and whole where the pointer is."""
    names = ["a" * 40, "b" * 400]
    seen = spans([Moment(NOW, names[0], 1), Moment(NOW + 9, names[1], 2)], NOW + 60)
    root = ET.fromstring(draw("r", seen))
    first, second = (each for each in root.iter(f"{SVG}text") if each.get("class") == "name")
    assert first.text == names[0]
    assert second.find(f"{SVG}title").text == names[1]
    assert second.find(f"{SVG}title").tail == "b" * 120 + "…"
    tops = [float(each.get("y")) for each in root.iter(f"{SVG}rect") if each.get("class") == "bar"]
    assert [float(first.get("y")) < tops[0], float(second.get("y")) < tops[1]] == [True, True]
    assert tops[0] + 22 < float(second.get("y")) - 13


def test_drawing_on_a_page_leaves_the_words_to_it():
    """Without title and summary it is as much lower."""
    seen = spans(SEEN, NOW + 1800)
    whole, bare = draw("r", seen), draw("r", seen, titled=False)
    assert summary(seen) in whole
    assert summary(seen) not in bare


def test_names_are_text_and_not_markup():
    """A candidate's id is whatever somebody else wrote."""
    name = "<script>&\"'" + "x" * 300
    root = ET.fromstring(draw(name, spans([Moment(NOW, name, 1)], NOW + 60)))
    assert name in [each.text for each in root.iter(f"{SVG}title")]
    assert len(list(root.iter(f"{SVG}script"))) == 0


def test_moment_is_read_from_a_line():
    """As `incumbent watch` writes it; keys that are not known do not matter."""
    line = json.dumps({"at": NOW, "election": "r", "leader": "a", "token": 7, "more": [1]})
    assert parse_moment(line) == ("r", Moment(NOW, "a", 7))
    down = json.dumps({"at": NOW, "election": "r", "leader": None, "token": None, "error": "refused"})
    assert parse_moment(down) == ("r", Moment(NOW, is_known=False))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("{}", "'at' must be"),
        ('{"at": true, "election": "r"}', "'at' must be"),
        ('{"at": NaN, "election": "r"}', "'at' must be"),
        ('{"at": 1}', "'election' must be text"),
        ('{"at": 1, "election": "r", "leader": 3}', "'leader' must be"),
        ('{"at": 1, "election": "r", "leader": "a", "token": "7"}', "'token' a number"),
    ],
)
def test_what_is_no_such_line_is_refused(line, why):
    """One line that says why, whatever it is."""
    with pytest.raises(ConfigurationError, match=why):
        parse_moment(line)
