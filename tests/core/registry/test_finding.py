"""Electors are found by name through pluggy, one at a time, and nobody takes the place of another."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions

import pytest
from brought import BACKEND, SETTINGS, load_error, not_found

from incumbent import Address, Backend, ConfigurationError, registry
from incumbent.registry import installed, load_backend_class, open_backend

# ---------------------------------------------------------------- by name, and nothing else


@pytest.mark.usefixtures("all_packages")
def test_embedded_electors_come_through_the_same_door():
    """`memory` and `local` are entry points of the distribution `incumbent`, loaded like anybody's."""
    rows = {row.name: row for row in installed()}
    for name in ("memory", "local"):
        assert (rows[name].distribution, rows[name].error) == ("incumbent", None)
        assert load_backend_class(name) is rows[name].backend
        assert issubclass(load_backend_class(name), Backend)


@pytest.mark.usefixtures("all_packages")
def test_a_package_brings_an_elector(ship):
    """Installing a package is all it takes: its name is the scheme, and its backend gets address and settings."""
    ship("acme", BACKEND, distribution="incumbent-acme", version="2.3")
    backend = open_backend("ACME://host:1/p?color=red", SETTINGS)
    assert (backend.address, backend.settings) == (Address.parse("acme://host:1/p?color=red"), SETTINGS)
    row = next(row for row in installed() if row.name == "acme")
    assert (row.distribution, row.version, row.error) == ("incumbent-acme", "2.3", None)
    assert row.backend is type(backend)


def test_packages_are_looked_through_once(ship, monkeypatch):
    """A thousand elections of one process cost one look through the installed packages."""
    ship("good", BACKEND)
    looks = []
    monkeypatch.setattr(registry, "distributions", lambda: looks.append(1) or distributions())
    assert len({type(open_backend("good://", SETTINGS)) for _ in range(10)}) == 1
    assert len(looks) == 1


def test_an_elector_may_be_an_object_in_a_module(ship):
    """The entry point may lead to an object that carries the hook."""
    ship("acme", BACKEND + "\nclass plugin: incumbent_backend = staticmethod(incumbent_backend)\n", value="acme:plugin")
    assert load_backend_class("acme").__name__ == "Fake"


def test_a_wrong_url_is_refused_before_the_backend_is_made(ship):
    """An unknown option is an error that names the nearest; a malformed URL imports nothing."""
    ship("acme", BACKEND)
    with pytest.raises(ConfigurationError, match="acme: unknown option 'colour', did you mean 'color'"):
        open_backend("acme://?colour=red", SETTINGS)
    sys.modules.pop("acme")
    with pytest.raises(ConfigurationError, match="port"):
        open_backend("acme://h:0", SETTINGS)
    assert "acme" not in sys.modules


LAZY = """
import sys
from incumbent import {imports}
{code}
suspects = {{"etcd3", "consul", "grpc", "requests", "google", "urllib3", "platformdirs", "croniter", "pytest",
            "incumbent_etcd", "incumbent_consul", "incumbent_postgres", "exploding", "psycopg", "incumbent.testing",
            "incumbent.electors.memory", "incumbent.electors.local", "incumbent.electors.local.backend"}}
print(*sorted(suspects & set(sys.modules)))
"""


def loaded(imports: str, code: str, *path: str) -> set[str]:
    """Return which of the suspects a fresh process has imported after *code*."""
    script = f"import sys; sys.path[:0] = {list(path)!r}\n" + LAZY.format(imports=imports, code=code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


@pytest.fixture
def exploding(ship):
    """Install a package that ends the process of whoever imports it, and return where it is."""
    info = ship("exploding", "import os; os._exit(3)")
    return str(info.parent)


def test_the_library_alone_imports_no_elector(exploding):
    """`import incumbent` costs neither an elector nor cron."""
    assert loaded("LeaderElectionConfig", "LeaderElectionConfig(lock_id='x')", exploding) == set()


def test_choosing_local_imports_no_other_elector(exploding):
    """With a name chosen, only its package is imported: no client library, no other elector."""
    code = "from incumbent.registry import load_backend_class; load_backend_class('local')"
    modules = loaded("LeaderElectionConfig", code, exploding)
    assert modules == {"incumbent.electors.local", "incumbent.electors.local.backend"}


def test_choosing_memory_imports_no_other_elector(exploding):
    """The same for `memory`."""
    code = "from incumbent.registry import load_backend_class; load_backend_class('memory')"
    assert loaded("LeaderElectionConfig", code, exploding) == {"incumbent.electors.memory"}


# ---------------------------------------------------------------- two packages


def test_two_packages_with_one_name_is_an_error_naming_both(ship):
    """Neither is chosen by the order of the path; all others work."""
    ship("acme_one", BACKEND, scheme="acme", distribution="acme-one", version="1.0")
    ship("acme_two", BACKEND, scheme="acme", distribution="acme-two", version="2.0")
    message = load_error("acme")
    assert message.startswith("elector 'acme' is brought by ")
    assert "acme-one 1.0" in message
    assert "acme-two 2.0" in message
    assert message.endswith(": uninstall all but one")
    rows = [row for row in installed() if row.name == "acme"]
    assert sorted(row.distribution for row in rows) == ["acme-one", "acme-two"]
    assert all(row.backend is None and row.error is not None for row in rows)
    assert "acme_one" not in sys.modules
    load_backend_class("memory")


@pytest.mark.parametrize("name", ["memory", "local"])
def test_nobody_takes_the_place_of_an_embedded_elector(ship, name):
    """A package that brings `memory` or `local` too is an error, not a replacement."""
    ship("usurper", BACKEND, scheme=name)
    message = load_error(name)
    assert "usurper 1.0" in message
    assert "incumbent " in message


@pytest.mark.parametrize("spelling", ["acme-store", "acme_store", "Acme.Store"])
def test_a_package_that_is_found_twice_is_one(ship, spelling):
    """An old copy further down the path, however its name is spelt, is what Python would not import either."""
    ship("acme_store", "raise RuntimeError('the old one')", scheme="acme", distribution=spelling, directory="old")
    ship("acme_store", BACKEND, scheme="acme", distribution="acme-store", version="2.0", directory="new")
    assert load_backend_class("acme").__name__ == "Fake"
    assert [row.version for row in installed() if row.name == "acme"] == ["2.0"]


def test_packages_without_metadata_are_not_taken_for_one(ship):
    """Two half-removed packages are two; each brings what it brings."""
    ship("half_one", BACKEND, metadata=False)
    ship("half_two", BACKEND, metadata=False)
    assert load_backend_class("half_one") is not load_backend_class("half_two")
    rows = {row.name: row for row in installed()}
    assert (rows["half_one"].distribution, rows["half_two"].version) == ("unknown", "unknown")


def test_other_groups_are_not_ours(ship):
    """An entry point of the same name in another group is nobody's elector."""
    info = ship("acme", BACKEND)
    (info / "entry_points.txt").write_text("[console_scripts]\nacme = acme:main\n")
    assert "no elector 'acme'" in not_found("acme")
