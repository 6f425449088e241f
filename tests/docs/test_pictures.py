"""The pictures of the pages are what is drawn of the engine's numbers and of what was recorded, and can be read."""

from __future__ import annotations

import importlib.util
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from stores import STORES

from incumbent import LeaderElectionConfig
from incumbent.config import lifetime

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
spec = importlib.util.spec_from_file_location("pictures", DOCS / "_ext/pictures.py")
pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pictures)


def texts(name):
    return [each.text for each in ET.parse(DOCS / name).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_is_what_is_drawn(name):
    """Whoever changes the numbers, the record or how they are drawn, runs docs/_ext/pictures.py."""
    assert (DOCS / name).read_text() == pictures.PICTURES[name]()


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_fits_a_telephone(name):
    """It is as wide as what 390 pixels leave to a page, so that its letters are there as large as they were drawn."""
    root = ET.parse(DOCS / name).getroot()
    assert float(root.get("viewBox").split()[2]) <= 390 - 2 * 15
    assert min(int(size) for size in re.findall(r"font: (\d+)px", root.find(f"{SVG}style").text)) >= 12


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_is_shown_and_told(name):
    """A page shows it, and says what is to be seen on it to those who do not see it."""
    told = [match for page in DOCS.glob("*.md") for match in re.findall(rf"!\[([^\]]+)\]\({name}\)", page.read_text())]
    assert len(told) == 1
    assert len(told[0]) > 80


def test_deadline_is_that_of_the_page():
    """The times of the picture are the configuration's, and those that the page gives."""
    config = LeaderElectionConfig("reports", ttl=15)
    times = {f"{config.renew_deadline:.2f} s", f"{lifetime(config.ttl):.2f} s", "15 s"}
    assert times <= set(texts("deadline.svg"))
    assert all(time in (DOCS / "guarantees.md").read_text() for time in times)


def test_every_store_is_recorded():
    """Each elector that elects between processes has hand-overs and fail-overs, and its row in both halves."""
    recorded = json.loads(pictures.RECORDED.read_text())
    electors = {each["elector"] for each in recorded}
    assert electors == {f"{name}://" for name in STORES} - {"memory://"}
    assert all(each["hand_over"] and each["fail_over"] for each in recorded)
    shown = [text.partition(",")[0] for text in texts("successions.svg")]
    assert all(shown.count(elector) == 2 for elector in electors)
