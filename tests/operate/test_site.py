"""The documentation as a site, in a real browser: on any screen, and what is copied from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from browser import browser
from patience import eventually

pytestmark = pytest.mark.operate

DOCS = Path(__file__).parents[2] / "docs"
#: What of a page lies beyond the screen's right edge, and is in no box that scrolls.
BEYOND = """[...document.querySelectorAll('body, article *')].filter(each => {
    if (each.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let box = each; box; box = box.parentElement)
        if (box !== each.ownerDocument.body && getComputedStyle(box).overflowX !== 'visible') return false;
    return true;
}).map(each => each.tagName + ': ' + each.textContent.slice(0, 60))"""
#: What the buttons of a page copy, by the kind of block: each is pressed, and selects a text to be copied.
COPIED = """(() => {
    let selected = '';
    HTMLTextAreaElement.prototype.select = function() { selected = this.value };
    return [...document.querySelectorAll('button.copybtn')].map(each => {
        each.click();
        return [each.closest('div[class*=highlight-]').className, selected];
    });
})()"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where it is built."""
    out = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", DOCS, out], check=True)
    return out


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_screen(site, chromium, width):
    """Neither on a telephone nor beside another window: what is wide scrolls in its own box."""
    page = chromium.page(width=width)
    beyond = {}
    for path in sorted(site.glob("*.html")):
        page.open(path.as_uri())
        if there := page.evaluate(BEYOND):
            beyond[path.stem] = there[:3]
    assert beyond == {}


def test_what_is_copied_can_be_pasted(site, chromium):
    """Commands and programs have a button that leaves prompts and outputs behind; outputs and drawings have none."""
    page = chromium.page()
    seen = 0
    for path in sorted(site.glob("*.html")):
        page.open(path.as_uri())
        for kind, text in page.evaluate(COPIED):
            seen += bool(text)
            assert not {"highlight-text", "highlight-output"} & set(kind.split()), path.stem
            assert not text.startswith(("$ ", ">>> ")), path.stem
            assert "highlight-console" not in kind or "\n$ " not in f"\n{text}", path.stem
    assert seen > 100


#: What is typed into the search, and a page that must be among what it finds.
SOUGHT = {
    "failover": "which-elector",
    "distributed lock": "glossary",
    "lease": "glossary",
    "HA": "glossary",
    "cron on several machines": "glossary",
    "nobody leads": "trouble",
    "not renewed in time": "trouble",
    "callback has not returned": "trouble",
}
FOUND = "[...document.querySelectorAll('ul.search li > a')].map(each => each.href.split('/').pop().split('.html')[0])"


def test_search_finds_what_people_know_under_other_names(site, chromium):
    """Who types another tool's word, or a message, into the search is shown the page that tells of it."""
    page = chromium.page()
    for words, there in SOUGHT.items():
        page.open(f"{(site / 'search.html').as_uri()}?q={quote(words)}")
        eventually(lambda there=there: there in page.evaluate(FOUND))


def test_every_page_tells_its_version_and_where_to_go(site):
    """Below each page stand the version, the changelog and the licence; and all but the last have a next one."""
    for name in sorted(path.stem for path in DOCS.glob("*.md")):
        text = (site / f"{name}.html").read_text()
        below = text.split('<p class="about">', 1)[1]
        assert below.split()[0] == "incumbent", name
        assert below.count("<a ") >= 2, name
        assert 'class="next-page"' in text or name == "licence", name
