"""The pictures of the pages in a real browser: what a reader sees, on any screen, by day and by night."""

from __future__ import annotations

import re
import sys
from itertools import combinations
from pathlib import Path

import pytest
from browser import browser

pytestmark = pytest.mark.operate

DOCS = Path(__file__).parents[2] / "docs"
PAPER = {False: "rgb(255, 255, 255)", True: "rgb(19, 20, 22)"}
#: Each text: its box, its colour, and what lies under it, from the top, each with its colour and how much that covers.
TEXTS = """[...document.querySelectorAll('svg text')].map(each => {
    const box = each.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const below = document.elementsFromPoint(x, y).filter(other => other.matches('rect, circle'))
        .map(other => [getComputedStyle(other).fill, Number(getComputedStyle(other).fillOpacity)]);
    return {text: each.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom,
            colour: getComputedStyle(each).fill, below, size: box.height};
})"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="module")
def drawings():
    sys.path.insert(0, str(DOCS / "_ext"))
    import diagram
    import pictures

    sys.path.remove(str(DOCS / "_ext"))
    return {"state-machine": diagram.svg, **pictures.PICTURES}


def channels(colour):
    return [int(channel) / 255 for channel in re.findall(r"\d+", colour)[:3]]


def light(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(text, paper):
    """Return by how much a text is lighter or darker than what it lies on, as accessibility is counted."""
    ground = channels(paper)
    for colour, covers in reversed(text["below"]):
        if colour != "none":
            mixed = zip(channels(colour), ground, strict=True)
            ground = [covers * over + (1 - covers) * under for over, under in mixed]
    lights = sorted((light(channels(text["colour"])), light(ground)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lie_together(one, other):
    beside = one["right"] <= other["left"] + 1 or other["right"] <= one["left"] + 1
    return not beside and one["bottom"] > other["top"] + 3 and other["bottom"] > one["top"] + 3


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["state-machine", "deadline.svg", "successions.svg"])
def test_picture_can_be_read(chromium, drawings, tmp_path, name, width, dark):
    """Nothing is wider than the screen, too small, over something else, or too faint: 4.5 to 1."""
    page = chromium.page(width=width, height=1400, dark=dark)  # all of it: what is not in sight lies on nothing
    style = f"body {{ margin: 15px; background: {PAPER[dark]}; color: {'#ddd' if dark else '#111'};"
    style += f" --color-background-primary: {PAPER[dark]} }} svg {{ max-width: 100%; height: auto }}"
    head = f'<!doctype html><meta name="viewport" content="width=device-width"><style>{style}</style>'
    (tmp_path / "page.html").write_text(f"{head}<div>{drawings[name]()}</div>")
    page.open((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    texts = page.evaluate(TEXTS)
    assert len(texts) > 10
    frame = page.evaluate("document.querySelector('svg').getBoundingClientRect().toJSON()")
    for text in texts:
        assert frame["left"] <= text["left"], text
        assert text["right"] <= frame["right"], text
        assert text["bottom"] <= frame["bottom"], text
        assert text["size"] >= 11, text
        assert contrast(text, PAPER[dark]) >= 4.5, text
    assert [pair for pair in combinations(texts, 2) if lie_together(*pair)] == []
