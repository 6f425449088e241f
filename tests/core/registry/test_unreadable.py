"""Packages that cannot be read harm no other elector, and are named where they may have brought one."""

from __future__ import annotations

import os
from importlib.metadata import distributions
from pathlib import Path

import pytest
from brought import BACKEND, not_found
from torture.limits import no_descriptors

from incumbent import ElectorLoadError, registry
from incumbent.registry import installed, load_backend_class

UNREADABLE = [b"[incumbent.electors]\nacme\n", b"[console_scripts]\nacme = \xff\xfe:main\n"]


@pytest.mark.parametrize("points", UNREADABLE, ids=["no value", "no text"])
def test_unreadable_entry_points_of_a_package_harm_no_elector(ship, points):
    """A package whose list of entry points is damaged, first on the path, keeps nobody from any other elector."""
    ship("acme", BACKEND)
    (ship("damaged", BACKEND, directory="first") / "entry_points.txt").write_bytes(points)
    assert load_backend_class("acme").__name__ == "Fake"
    rows = {row.name: row for row in installed()}
    assert rows["acme"].error is None
    assert rows["local"].backend is load_backend_class("local")


@pytest.mark.parametrize("points", UNREADABLE, ids=["no value", "no text"])
def test_the_elector_of_a_package_with_unreadable_entry_points_is_not_found_with_the_cause(ship, points):
    """Which names it brings is not known: who looks for one is told which package cannot be read, and why."""
    (ship("acme", BACKEND, distribution="acme-store", version="0.9") / "entry_points.txt").write_bytes(points)
    message = not_found("acme")
    assert message.startswith("no elector 'acme' is installed (installed: ")
    assert "; the entry points of acme-store 0.9 cannot be read: " in message
    assert "Error" in message


def test_unreadable_metadata_of_a_package_harm_no_elector(ship):
    """A package whose name cannot be read is one without a name, and its elector works like any other."""
    for name in ("acme", "bcme"):
        (ship(name, BACKEND) / "METADATA").write_bytes(b"Name: \xff\xfe\n")
    assert load_backend_class("acme") is not load_backend_class("bcme")
    rows = {row.name: row for row in installed()}
    assert (rows["acme"].distribution, rows["acme"].version, rows["acme"].error) == ("unknown", "unknown", None)
    assert rows["local"].error is None


def test_all_electors_are_listed_after_one_look(monkeypatch):
    """However many there are: a look through the installed packages takes tens of milliseconds."""
    looks = []
    monkeypatch.setattr(registry, "distributions", lambda: looks.append(1) or distributions())
    assert len(installed()) >= 2
    assert len(looks) == 1


@pytest.mark.usefixtures("all_packages")
def test_process_without_descriptors_is_told_so():
    """What cannot be read just now is not said to be missing, nor is every package on the path named."""
    not_found("acme")  # where packages lie is known from now on
    with (
        no_descriptors(os.getpid()),
        Path(os.devnull).open(),  # takes the one that the list of descriptors has given back
        pytest.raises(ElectorLoadError) as caught,
    ):
        load_backend_class("acme")
    assert str(caught.value).startswith(
        "the installed packages cannot be read: OSError: [Errno 24] Too many open files"
    )
    assert len(str(caught.value)) < 300
    not_found("acme")
