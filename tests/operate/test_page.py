"""The page of an election, in a real browser: what a reader sees, on any screen, by day and by night."""

from __future__ import annotations

import contextlib
import re

import pytest
from browser import browser
from patience import PATIENCE, eventually, in_time

from incumbent import LeaderElection, LeaderElectionConfig
from incumbent.http import serve

pytestmark = pytest.mark.operate

#: As long as ids are where machines have long names.
IDS = [f"reports-7d9f8b6c5-{pod}.region-one.example.org:4711:{number:08x}" for number, pod in enumerate("xyz")]
NAME = "service/reports"
#: Each text that is shown: its box, and which colour it has on which, both as "rgb(1, 2, 3)".
TEXTS = """[...document.body.querySelectorAll('h1, p, dt, dd, footer, text')].map(each => {
    const box = each.getBoundingClientRect(), style = getComputedStyle(each);
    const bar = each.matches('.token') && each.previousElementSibling;
    const ground = bar ? getComputedStyle(bar).fill : getComputedStyle(document.documentElement).backgroundColor;
    const colour = each.matches('text') ? style.fill : style.color;
    return {text: each.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom,
            colour, ground, opacity: Number(style.opacity)};
}).filter(each => each.right > each.left)"""
BARS = """[...document.querySelectorAll('svg rect.bar')].map(each => each.getBoundingClientRect().toJSON())
    .filter(each => each.width)"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def elections():
    """Three candidates, of which the first leads; when it steps down, another does."""
    with contextlib.ExitStack() as stack:
        made = []
        for each in IDS:
            config = LeaderElectionConfig(NAME, candidate=each, relinquish_interval=None)
            made.append(stack.enter_context(LeaderElection(config, "memory://page")))
            made[0].wait_for_leadership(PATIENCE)
        in_time(lambda: all(each.is_follower() for each in made[1:]))
        yield made


@pytest.fixture
def url(elections):
    """Where the first of them answers."""
    with serve(elections[0]) as server:
        yield f"{server.url}/"


def leader(page):
    """Return who leads, as the page says; nothing if nobody does."""
    said = page.evaluate("document.querySelector('.leader').innerText")
    return next((each for each in IDS if said == f"{each} leads"), "")


def opened(page, url, *not_led_by):
    """Open *url* until it says that somebody leads, and none of those; return who does."""
    return eventually(lambda: page.open(url) or ((now := leader(page)) not in not_led_by and now))


def lie_together(one, other):
    """Tell whether two boxes have something in common."""
    beside = one["right"] <= other["left"] or other["right"] <= one["left"]
    return not beside and one["bottom"] > other["top"] and other["bottom"] > one["top"]


def contrast(colour, ground, opacity):
    """Return by how much the one is lighter than the other, as the guidelines for accessibility count it."""

    def light(channels):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    below = [int(c) / 255 for c in re.findall(r"\d+", ground)[:3]]
    above = [
        opacity * int(c) / 255 + (1 - opacity) * b for c, b in zip(re.findall(r"\d+", colour), below, strict=False)
    ]
    lights = sorted((light(above), light(below)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("scripting", [True, False])
def test_reader_sees_who_leads_and_who_led(chromium, elections, url, scripting):
    """Who leads, its token, since when, everybody who stands; and a bar for each of the last terms, in their order."""
    page = chromium.page(scripting=scripting)
    assert opened(page, url) == IDS[0]
    elections[0].relinquish()
    now = opened(page, url, IDS[0])
    token = next(each.term.token for each in elections if each.candidate == now)
    shown = page.text()
    assert re.search(rf"^token\n{token}$", shown, re.MULTILINE)
    assert re.search(r"^since\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+, \S+ m?s ago$", shown, re.MULTILINE)
    assert all(re.search(rf"^{re.escape(each)}$", shown, re.MULTILINE) for each in IDS)
    first, second = page.evaluate(BARS)
    assert first["right"] <= second["left"]
    assert first["bottom"] <= second["top"]


def test_page_follows_by_itself(chromium, elections, url):
    """A hand-over is seen by who only looks, with scripting switched off."""
    page = chromium.page(scripting=False)
    opened(page, url)
    elections[0].relinquish()
    assert in_time(lambda: leader(page) not in ("", IDS[0]))


@pytest.mark.parametrize("dark", [False, True])
def test_page_says_that_nobody_leads(chromium, elections, url, dark):
    """Large, for that is what such a page is looked at for."""
    for each in elections:
        each.eligible = False
    page = chromium.page(dark=dark)
    eventually(lambda: page.open(url) or "nobody leads" in page.text())
    (said,) = [each for each in page.evaluate(TEXTS) if each["text"] == "nobody leads"]
    assert said["bottom"] - said["top"] > 25
    assert contrast(said["colour"], said["ground"], said["opacity"]) >= 4.5


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_its_screen(chromium, elections, url, width):
    """On a telephone as on a desk: nothing is wider than the screen, too small to be read, or over something else."""
    page = chromium.page(width=width)
    opened(page, url)
    elections[0].relinquish()
    opened(page, url, IDS[0])
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    texts = page.evaluate(TEXTS)
    assert all(text["left"] >= 0 and text["right"] <= width for text in texts), texts
    assert all(text["bottom"] - text["top"] > 11 for text in texts), texts
    bars = page.evaluate(BARS)
    for name in (text for text in texts if text["text"].startswith("reports-")):
        assert not any(lie_together(name, bar) for bar in bars), name


@pytest.mark.parametrize("dark", [False, True])
def test_page_can_be_read_by_day_and_by_night(chromium, elections, url, dark):
    """Each text stands out from what it lies on: 4.5 to 1, as the guidelines for accessibility ask."""
    page = chromium.page(dark=dark)
    opened(page, url)
    elections[0].relinquish()
    opened(page, url, IDS[0])
    texts = page.evaluate(TEXTS)
    assert contrast("rgb(0, 0, 0)", texts[0]["ground"], 1) < 2 if dark else texts[0]["ground"] == "rgb(255, 255, 255)"
    faint = {text["text"]: contrast(text["colour"], text["ground"], text["opacity"]) for text in texts}
    assert min(faint.values()) >= 4.5, faint


def test_page_asks_nobody_else_and_complains_of_nothing(chromium):
    """One request, to where it came from; nothing on the console; and what others have written is text, not markup."""
    evil = "<img src=x onerror=document.title='run'><script src=y>"
    config = LeaderElectionConfig(evil, candidate=evil, relinquish_interval=None)
    with LeaderElection(config, "memory://page-evil") as election, serve(election) as server:
        election.wait_for_leadership(PATIENCE)
        page = chromium.page()
        eventually(lambda: page.open(f"{server.url}/") or f"{evil} leads" in page.text())
        assert page.evaluate("document.title") == evil
    asked = {each["request"]["url"] for each in page.happened("Network.requestWillBeSent")}
    assert asked == {f"{server.url}/"}
    for complaint in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded"):
        assert page.happened(complaint) == []
