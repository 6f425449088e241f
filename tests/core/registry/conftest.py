"""Packages that are installed for a test."""

from __future__ import annotations

import sys
import textwrap
from importlib.metadata import distributions

import pytest

from incumbent import registry


@pytest.fixture(scope="module")
def bystanders():
    """Packages of this environment that bring no elector: to look through dozens of them takes a while."""
    return {
        str(each._path)
        for each in distributions()
        if not any(point.group == registry.ENTRY_POINT_GROUP for point in each.entry_points)
    }


@pytest.fixture(autouse=True)
def _few(request, bystanders, monkeypatch):
    """Look through the packages that bring electors and those that a test installs, unless it needs all."""
    if "all_packages" not in request.fixturenames:
        few = lambda: [each for each in distributions() if str(each._path) not in bystanders]
        monkeypatch.setattr(registry, "distributions", few)


@pytest.fixture
def all_packages():
    """Look through every package of this environment."""


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """Return a function that installs a package whose one module brings an elector."""
    shipped = set()

    def ship(
        name, source, *, scheme=None, distribution=None, version="1.0", value=None, directory="site", metadata=True
    ):
        site = tmp_path / directory
        site.mkdir(exist_ok=True)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))
        (site / f"{name}.py").write_text(textwrap.dedent(source))
        info = site / f"{(distribution or name).replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        if metadata:
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution or name}\nVersion: {version}\n")
        points = f"[incumbent.electors]\n{scheme or name} = {value or name}\n"
        (info / "entry_points.txt").write_text(points)
        shipped.add(name)
        return info

    yield ship
    for name in shipped:
        sys.modules.pop(name, None)
