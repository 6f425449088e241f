"""Where the contract tells of what a test checks: the one table of the suite's links into that page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

__all__ = ["PAGE", "SECTIONS", "THEMES", "anchor", "section_of"]

#: The page, in the documentation.
PAGE = "contract.md"

#: What a test is about, and the heading of the page that tells of it.
SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "acquire": "acquire_leadership",
        "check": "check_leadership",
        "relinquish": "relinquish_leadership",
        "observe": "observe_leadership",
        "close": "close",
        "notify": "notify",
        "claim": "The claim",
        "testament": "The testament",
        "errors": "Rules for every method",
        "backend": "The backend",
        "capabilities": "Capabilities",
    }
)

#: What the tests of each class of the suite are about; those that close something are about that.
THEMES: Mapping[str, str] = MappingProxyType(
    {
        "Declarations": "capabilities",
        "Exclusion": "acquire",
        "Sharing": "acquire",
        "Gaps": "acquire",
        "Naming": "acquire",
        "Tokens": "claim",
        "Deadline": "claim",
        "Keeping": "claim",
        "Freshness": "check",
        "Renewal": "check",
        "HandOver": "relinquish",
        "Testaments": "testament",
        "Waiting": "acquire",
        "Observing": "observe",
        "Push": "notify",
        "Listing": "backend",
        "Faults": "errors",
        "Bounds": "errors",
        "Lateness": "errors",
        "Restarts": "errors",
        "Processes": "acquire",
        "Forking": "errors",
        "Hygiene": "close",
        "Secrets": "backend",
    }
)


def section_of(test: Callable[..., None]) -> str:
    """Return the heading of the page under which an author reads what *test* checks."""
    theme = THEMES[test.__qualname__.partition(".")[0]]
    return SECTIONS["close" if "_closing_" in test.__name__ else theme]


def anchor(heading: str) -> str:
    """Return the anchor of *heading*, as Markdown's renderers make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
