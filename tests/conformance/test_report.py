"""What a run of the suite found, for people and for programs."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from model_elector import ModelBackend, ModelHarness

from incumbent import Claim, Finding, LeaderRecord, no
from incumbent.testing import ConformanceReport, FakeClock, Outcome, run_conformance
from incumbent.testing.conformance import suite_tests
from incumbent.testing.facts import Redacted
from incumbent.testing.journal import Event, Journal
from incumbent.testing.outcome import DEVIATES, FAILED, NOT_RUN, NOT_SELECTED, PASSED
from incumbent.testing.published import TITLES
from incumbent.testing.runs import Run
from incumbent.testing.sections import PAGE, SECTIONS, THEMES

DOCS = Path(__file__).parents[2] / "docs"

GOOD = Outcome("test_good", "P1, P2", "All is well.", PASSED, seconds=0.5)
OTHERS = {
    FAILED: replace(
        GOOD,
        test="test_bad",
        result=FAILED,
        detail="it broke",
        section="The claim",
        code="toy.py:7, in lead",
        statement="assert a.lead()",
        journal=(Event(0.5, "a", "close()", "None"),),
        trace="all of it",
    ),
    NOT_RUN: replace(GOOD, test="test_left_out", result=NOT_RUN, detail="there is no server"),
    DEVIATES: replace(GOOD, test="test_other", result=DEVIATES, detail="another store"),
    NOT_SELECTED: replace(GOOD, test="test_later", result=NOT_SELECTED),
}


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 1),
        ([NOT_RUN], 1),
        ([DEVIATES], 1),
        ([NOT_SELECTED], 1),
        ([FAILED], 1),
        ([PASSED], 0),
        ([PASSED, NOT_RUN, DEVIATES, NOT_SELECTED], 0),
        ([PASSED, FAILED], 1),
    ],
)
def test_exit_status_is_0_if_something_passed_and_nothing_failed(results, status):
    """What was not run, or deviates for a reason, is no failure; but a run without any pass is no success."""
    outcomes = tuple(OTHERS.get(result, GOOD) for result in results)
    assert ConformanceReport("toy://", outcomes).exit_status == status


def test_text_tells_everything_and_ends_with_the_counts():
    """Each test has a line; what did not pass says why; the last line has the counts, those of 0 failures too."""
    lines = ConformanceReport("toy://", (GOOD, *OTHERS.values())).to_text().splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok", "not", "deviates", "FAILED"]
    assert lines[1].endswith("test_left_out: there is no server")
    assert lines[-1] == "toy://: 1 passed, 1 failed, 1 not run, 1 deviates, 1 not selected"
    assert ConformanceReport("toy://", (GOOD,)).summary() == "toy://: 1 passed, 0 failed"


def test_json_tells_everything():
    """Each outcome with its promises as a list, and what the exit status would be."""
    found = json.loads(ConformanceReport("toy://", (GOOD, OTHERS[FAILED]), 1.23456).to_json())
    assert found["elector"] == "toy://"
    assert found["exit_status"] == 1
    assert found["seconds"] == 1.235
    assert found["counts"] == {"passed": 1, "failed": 1}
    assert found["tests"][1] == {
        "test": "test_bad",
        "cites": ["P1", "P2"],
        "truth": "All is well.",
        "result": "failed",
        "detail": "it broke",
        "seconds": 0.5,
        "explanation": {
            "expected": "All is well.",
            "seen": "it broke",
            "code": "toy.py:7, in lead",
            "statement": "assert a.lead()",
            "journal": [{"at": 0.5, "who": "a", "did": "close()", "came": "None", "took": 0.0}],
            "read": "contract.md#the-claim",
            "trace": "all of it",
        },
    }
    assert "explanation" not in found["tests"][0]


def test_json_tells_the_circumstances():
    """When it began, with which versions, what the elector declares and found out; a bound that is none is null."""
    report = ConformanceReport(
        "model://", (GOOD,), 1.0, 0.0, {"python": "3"}, ModelBackend.capabilities, (Finding("ok", "version 7"),)
    )
    found = json.loads(report.to_json())
    assert found["began"] == "1970-01-01T00:00:00Z"
    assert found["versions"] == {"python": "3"}
    assert found["store"] == [{"level": "ok", "text": "version 7"}]
    assert found["capabilities"]["ttl_range"] == [1.0, 60.0]
    assert found["capabilities"]["push"] == {"supported": True, "detail": ""}
    boundless = replace(ModelBackend.capabilities, ttl_range=(0.0, float("inf")))
    found = json.loads(replace(report, capabilities=boundless).to_json())
    assert found["capabilities"]["ttl_range"] == [0.0, None]


# ------------------------------------------------------------ Markdown

#: Text that would be a heading, a link, an image, HTML, a cell, code, and more lines.
HOSTILE = "# [x](http://a) ![i](http://b) <b>&amp; | a`b``c *d* __e__ ~~f~~ \\\n\n- g\x1b[31m\u202e"


def tokens(page):
    """Return every token of *page*, those inside others too."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page):
        yield token
        yield from token.children or ()


def test_markdown_tells_everything():
    """The verdict, versions, declarations, every truth, the failure with its order, and each reason once."""
    report = ConformanceReport(
        "model://x",
        (GOOD, *OTHERS.values()),
        12.0,
        0.0,
        {"python": "CPython 3.12"},
        ModelBackend.capabilities,
        (Finding("warning", "it is old"),),
    )
    page = report.to_markdown()
    assert "The elector **does not conform**: 1 passed, 1 failed, 1 not run, 1 deviates, 1 not selected." in page
    assert "| python | CPython 3.12 |" in page
    assert "| store, warning | it is old |" in page
    assert "| date | 1970-01-01T00:00:00Z |" in page
    assert "| `push` | yes |  |" in page
    assert "| `ttl_range` | 1 to 60 s |" in page
    assert "### P1: one leader (1 of 5 held)" in page
    assert page.count("All is well.") == 6  # each truth, and what the failure expected
    assert "- seen: `it broke`\n- code: `toy.py:7, in lead`\n- at: `assert a.lead()`" in page
    assert "   0.500 s  a        close() → None" in page
    assert "## Not run\n\n- there is no server: `test_left_out`" in page
    assert "## Deviations\n\n- another store: `test_other`" in page


def test_markdown_shows_foreign_text_as_it_is():
    """Nothing that others wrote makes a heading, a link, an image, HTML, a list or a cell, or reaches a terminal."""
    event = Event(0.0, HOSTILE, HOSTILE, f"```{HOSTILE}")
    bad = replace(OTHERS[FAILED], detail=HOSTILE, code=HOSTILE, statement=HOSTILE, journal=(event,))
    tame = replace(OTHERS[FAILED], detail="tame", code="tame", statement="tame", journal=(Event(0.0, "a", "b", "c"),))
    pages = []
    for failed, text in ((tame, "tame"), (bad, HOSTILE)):
        capabilities = replace(ModelBackend.capabilities, push=no(text))
        left_out = replace(OTHERS[NOT_RUN], detail=text)
        report = ConformanceReport(
            text,
            (GOOD, failed, left_out),
            0.0,
            0.0,
            {"python": text},
            capabilities,
            (Finding("ok", text), Finding(text, text)),
        )
        pages.append(report.to_markdown())
    assert pages[1].replace("\n", "").isprintable()
    kinds = [[token.type for token in tokens(page) if token.type != "text"] for page in pages]
    assert [kind for kind in kinds[1] if kind != "text_special"] == kinds[0]


def test_names_of_the_promises_are_those_of_the_page():
    """What the report calls a promise is what the page on guarantees calls it."""
    told = dict(re.findall(r"^## (P\d+): (.*?)$", (DOCS / "guarantees.md").read_text(), re.MULTILINE))
    assert {promise: title for promise, title in TITLES.items() if promise in told} == {
        promise: title for promise, title in told.items() if promise in TITLES
    }
    cited = {cite for outcome in outcomes() for cite in outcome.cites.split(", ")}
    assert cited == set(TITLES)


def outcomes():
    """Return what is known of the suite's tests before they are run."""
    return Run(ModelHarness(), suite_tests(), {}).report().outcomes


# ------------------------------------------------------------ explanations


def test_every_test_names_a_section_of_the_contract():
    """Each test leads to a heading that the page has; each line of the table is used."""
    titles = set(re.findall(r"^#+ (.*)$", (DOCS / PAGE).read_text(), re.MULTILINE))
    assert set(SECTIONS.values()) <= titles
    assert {outcome.section for outcome in outcomes()} == set(SECTIONS.values())
    assert {test.__qualname__.partition(".")[0] for test in suite_tests().values()} == set(THEMES)
    assert set(THEMES.values()) <= set(SECTIONS)


def test_long_journal_is_shown_by_its_ends():
    """People see how it began and how it ended, and how much is between; programs see all."""
    journal = tuple(Event(float(n), "a", f"step {n}") for n in range(100))
    outcome = replace(OTHERS[FAILED], journal=journal)
    shown = [line for line in outcome.explanation().splitlines() if line.startswith("  ")]
    assert len(shown) == 30
    assert "step 4" in shown[4]
    assert "71 more" in shown[5]
    assert "step 76" in shown[6]
    assert "step 99" in shown[-1]
    assert len(outcome.to_dict()["explanation"]["journal"]) == 100


def test_journal_tells_in_which_order_things_happened():
    """Calls are kept by their beginnings, with their answers; what is repeated is one event with its count."""
    clock = FakeClock(now=5.0)
    journal = Journal(clock.now)
    journal.name("a:123", "a")

    def acquire():
        journal.note("a", "calls notify()")
        return Claim(7, 10.0, clock.now())

    journal.call("a", "acquire()", acquire)
    for _ in range(3):
        clock.advance(1.0)
        journal.call("b", "acquire()", lambda: None)
    with pytest.raises(ZeroDivisionError):
        journal.call("b", "close()", lambda: 1 / 0)
    journal.call("c", "observe()", lambda: LeaderRecord("x", "a:123", 7))
    assert [(event.at, event.who, event.did, event.came) for event in journal.events()] == [
        (0.0, "a", "acquire()", "a claim: token 7, kept for 10 s from 0.000 s on"),
        (0.0, "a", "calls notify()", ""),
        (1.0, "b", "acquire()", "None (3 times, until 3.000 s)"),
        (3.0, "b", "close()", "raised ZeroDivisionError: division by zero"),
        (3.0, "c", "observe()", "leader: a, token 7"),
    ]


def test_journal_of_a_storm_stays_small():
    """An elector that tells news without end fills neither memory nor report: the middle is left out, and counted."""
    journal = Journal(FakeClock().now)
    for number in range(5000):
        journal.note("a", f"step {number}")
    events = journal.events()
    assert len(events) == 1001
    assert (events[0].did, events[500].did, events[-1].did) == ("step 0", "4000 more", "step 4999")


def test_secrets_of_the_url_show_nowhere_in_a_report():
    """P8: The password and the token of the URL, in whichever spelling, are taken out of what an elector says."""
    redacted = Redacted("toy://me:p%40ss@host/?token=t0ken")
    assert redacted.url == "toy://me:***@host/?token=***"
    assert redacted("p@ss p%40ss t0ken other") == "*** *** *** other"


def test_secrets_of_the_url_do_not_show_in_what_the_author_wrote():
    """P8: A reason, or a finding, that repeats the URL is shown without its secrets; what is no finding is left out."""

    class Talkative(ModelBackend):
        def diagnose(self):
            yield Finding("warning", "speaks of s3cret", "forget s3cret")
            yield "s3cret"

    class TalkativeHarness(ModelHarness):
        model = Talkative
        url = "model://me:s3cret@here"
        cannot = {"rejected_url": "all do as model://me:s3cret@here"}  # noqa: RUF012

    report = run_conformance("model://", harness=lambda _: TalkativeHarness())
    assert report.store == (Finding("warning", "speaks of ***", "forget ***"),)
    assert [outcome.test for outcome in report.of("failed")] == ["test_diagnosis_is_told_in_lines"]
    for shown in (report.to_text(), report.to_markdown(), report.to_json()):
        assert "me:***@here" in shown
        assert "s3cret" not in shown
