"""Discovery: electors are found by name through pluggy, one at a time, and what is broken is named with its cause."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib.metadata import distributions
from pathlib import Path

import pytest
from oneline import assert_one_line
from torture.limits import no_descriptors

from incumbent import (
    Address,
    Backend,
    BackendSettings,
    ConfigurationError,
    ElectorLoadError,
    ElectorNotFoundError,
    advice,
    registry,
)
from incumbent.elector import CONTRACT_VERSION
from incumbent.registry import installed, load_backend_class, open_backend

SETTINGS = BackendSettings(ttl=15.0, request_timeout=2.0)

BACKEND = """
from incumbent import Backend, Capabilities, hookimpl, no

class Fake(Backend):
    contract_version = 1
    capabilities = Capabilities(push=no("x"), observe=no("x"), candidates=no("x"), fencing_across_restarts=no("x"),
                                expiry=no("x"), interoperates=no("x"))
    options = {"color": "The colour."}
    def __init__(self, address, settings): self.address, self.settings = address, settings
    def elector(self, lock_id, candidate): raise NotImplementedError
    def close(self): pass

@hookimpl
def incumbent_backend(): return Fake
"""


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


def load_error(name: str) -> str:
    with pytest.raises(ElectorLoadError) as caught:
        load_backend_class(name)
    assert isinstance(caught.value, ConfigurationError)
    return assert_one_line(caught.value)


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


# ---------------------------------------------------------------- not found


def not_found(name: str) -> str:
    with pytest.raises(ElectorNotFoundError) as caught:
        load_backend_class(name)
    return assert_one_line(caught.value)


def test_an_unknown_name_gets_the_nearest_and_what_is_installed():
    """A typing error is answered with the name that was meant; what is installed is listed."""
    message = not_found("lokal")
    assert message.startswith("no elector 'lokal' is installed, did you mean 'local'? (installed: ")
    assert "local, memory" in message


def test_a_name_far_from_all_gets_no_guess():
    """No nearest match is made up."""
    assert "did you mean" not in not_found("zookeeper")


@pytest.mark.parametrize("name", ["etcd", "consul", "postgres"])
def test_a_known_name_gets_what_to_install(monkeypatch, name):
    """For an elector that could be had, the message is the command to type."""
    monkeypatch.setattr("incumbent.advice.EXTRAS", {name: f"incumbent[{name}]"})
    own = [row for row in installed() if row.name == name]
    if own:  # its package is here: so look at a name that is not
        name = f"{name}x"
        monkeypatch.setattr("incumbent.advice.EXTRAS", {name: f"incumbent[{name}]"})
    assert f"no elector '{name}' is installed: pip install 'incumbent[{name}]' (installed: " in not_found(name)


def test_the_commands_to_type_are_those_of_our_plugins():
    """`pip install 'incumbent[etcd]'` and the same for the others."""
    from incumbent.advice import EXTRAS

    redis = dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "redis+unix"), "incumbent[redis]")
    postgres = dict.fromkeys(("postgres", "postgresql"), "incumbent[postgres]")
    assert {"etcd": "incumbent[etcd]", "consul": "incumbent[consul]", **postgres, **redis} == EXTRAS


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("etcds", ": for TLS write etcd://HOST:2379?tls=yes (installed: "),
        ("consuls", ": for TLS write consul://HOST:8501?tls=yes (installed: "),
        ("https", "write etcd://HOST:2379?tls=yes, for Consul consul://HOST:8501?tls=yes (installed: "),
        ("http", ": for etcd write etcd://HOST:2379, for Consul consul://HOST:8500 (installed: "),
    ],
)
def test_a_scheme_that_is_known_from_elsewhere_gets_what_to_write(name, told):
    """Such as those of ETCDCTL_ENDPOINTS and CONSUL_HTTP_ADDR; TLS stays TLS."""
    assert told in not_found(name)


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("acmes", {"acme"}, ""),
        ("amqps", {"amqp"}, ""),
        ("rediss", {"redis"}, ""),
        ("redisss", {"redis", "rediss"}, ""),
        ("acme+tls", {"acme"}, ""),
        ("acme-ssl", {"acme"}, ""),
        ("secureacme", {"acme"}, ""),
        ("acem+tls", {"acme", "acme+tls"}, ", did you mean 'acme+tls'?"),
        ("acems", {"acme", "acmes"}, ", did you mean 'acmes'?"),
        ("acem", {"acme", "acmes"}, ", did you mean 'acme', or 'acmes' for TLS?"),
        ("redsis", {"redis", "rediss"}, ", did you mean 'redis', or 'rediss' for TLS?"),
        ("acem", {"acme"}, ", did you mean 'acme'?"),
        ("acem", {"acmes"}, ", did you mean 'acmes'?"),
    ],
)
def test_nobody_is_talked_out_of_tls(name, known, told):
    """A final `s` means TLS, and so does the word: a name that may lose it is not proposed, or not alone."""
    assert advice._nearest(name, known) == told


def test_a_misspelt_name_of_a_plugin_gets_what_to_install(monkeypatch):
    """The nearest match may be one that is not installed yet: then the command is there as well."""
    monkeypatch.setattr("incumbent.advice.EXTRAS", {"acme-store": "incumbent[acme-store]"})
    message = not_found("acme-stor")
    assert "did you mean 'acme-store'? (pip install 'incumbent[acme-store]')" in message


def test_without_metadata_our_own_electors_are_there(monkeypatch):
    """In an installation without entry points, ours are found all the same, and it is said what others need."""
    monkeypatch.setattr("incumbent.registry.distributions", list)
    message = not_found("nothing")
    assert "local, memory" in message
    assert "incumbent has no metadata here" in message
    assert {"local", "memory"} <= {row.name for row in installed() if row.version == "unknown"}


# ---------------------------------------------------------------- broken packages


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import does_not_exist", "ModuleNotFoundError: No module named 'does_not_exist'"),
        ("raise RuntimeError('no\\n\\tconfiguration')", "RuntimeError: no configuration"),
        ("raise RuntimeError", "RuntimeError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit('leave me alone')", "SystemExit: leave me alone"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("this is no Python", "SyntaxError: invalid syntax"),
        ("raise ValueError('\\x1b[31mred\\x00')", r"ValueError: \x1b[31mred\x00"),
        ("raise ValueError('x' * 10_000)", "ValueError: xxx"),
        (
            "class Mute(Exception):\n    def __str__(self): raise RuntimeError('no text')\nraise Mute",
            "Mute",
        ),
    ],
)
def test_a_package_that_cannot_be_imported_is_named_with_its_cause(ship, source, cause):
    """Whatever its import raises, even SystemExit: one line with package, version and cause; others are not harmed."""
    ship("broken", source, distribution="acme-broken", version="0.9")
    assert load_error("broken").startswith(f"elector 'broken' (acme-broken 0.9) cannot be loaded: {cause}")
    rows = {row.name: row for row in installed()}
    assert "acme-broken 0.9" in str(rows["broken"].error)
    assert rows["broken"].backend is None
    assert rows["local"].backend is load_backend_class("local")


def test_the_cause_is_kept(ship):
    """The exception that the import raised is the `__cause__`."""
    ship("broken", "import does_not_exist")
    with pytest.raises(ElectorLoadError) as caught:
        load_backend_class("broken")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_an_interrupt_is_no_broken_package(ship):
    """Ctrl-C during an import is passed on."""
    ship("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_backend_class("slow")


@pytest.mark.parametrize("value", ["broken:missing", "broken.missing", "no_such_module", "broken:"])
def test_an_entry_point_that_leads_nowhere_is_named(ship, value):
    """A module or attribute that is not there is the package's fault, and named as such."""
    ship("broken", BACKEND, value=value)
    assert load_error("broken").startswith("elector 'broken' (broken 1.0) ")


HOOK = "from incumbent import hookimpl, Backend\n"
CLASS = BACKEND.replace("\n@hookimpl\ndef incumbent_backend(): return Fake\n", "\n")
EXITS = "\nclass Exits(Exception):\n    def __repr__(self): raise SystemExit(3)\n    __str__ = __repr__\n"
ANSWER = "\n@hookimpl\ndef incumbent_backend(): return Fake\n"


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("", "broken has no hook incumbent_backend marked with hookimpl"),
        (BACKEND.replace("@hookimpl\n", ""), "broken has no hook incumbent_backend marked with hookimpl"),
        (HOOK + "@hookimpl\ndef incumbent_backend(): return None", "broken has no hook incumbent_backend"),
        (HOOK + "@hookimpl\ndef incumbent_backnd(): return 5", "cannot be loaded: PluginValidationError: "),
        (HOOK + "@hookimpl\ndef incumbent_backend(url): return 5", "cannot be loaded: PluginValidationError: "),
        (HOOK + "@hookimpl\ndef incumbent_backend(): return 5", "must return a subclass of incumbent.Backend, not 5"),
        (HOOK + "@hookimpl\ndef incumbent_backend(): return int", "subclass of incumbent.Backend, not <class 'int'>"),
        (
            CLASS + "@hookimpl\ndef incumbent_backend(): return Fake(1, 2)",
            "subclass of incumbent.Backend, not <broken.",
        ),
        (HOOK + "@hookimpl\ndef incumbent_backend(): raise OSError('disk')", "cannot be loaded: OSError: disk"),
        (HOOK + "@hookimpl\ndef incumbent_backend(): raise SystemExit", "cannot be loaded: SystemExit"),
        (HOOK + "@hookimpl\ndef incumbent_backend(): return Backend", "contract_version must say which contract"),
        (CLASS + "    contract_version = 0" + ANSWER, "as a number from 1 to 1, not 0"),
        (CLASS + "    contract_version = -1" + ANSWER, "as a number from 1 to 1, not -1"),
        (CLASS + "    contract_version = True" + ANSWER, "as a number from 1 to 1, not True"),
        (CLASS + "    contract_version = '1'" + ANSWER, "as a number from 1 to 1, not '1'"),
        (CLASS + "    contract_version = 1.0" + ANSWER, "as a number from 1 to 1, not 1.0"),
        (CLASS + "    close = Backend.close" + ANSWER, "Fake does not implement close"),
        (CLASS + "    elector = Backend.elector" + ANSWER, "Fake does not implement elector"),
        (CLASS + "    del capabilities" + ANSWER, "Fake declares no capabilities"),
        (CLASS + "    capabilities = {'push': True}" + ANSWER, "Fake declares no capabilities"),
        (CLASS + "    capabilities = None" + ANSWER, "Fake declares no capabilities"),
        (CLASS + "    options = None" + ANSWER, "Fake.options must say which options it takes"),
        (CLASS + "    options = ['color']" + ANSWER, "Fake.options must say which options it takes"),
        (CLASS + "    options = {1: 'one'}" + ANSWER, "Fake.options must say which options it takes"),
        (CLASS + "    options = {'color': None}" + ANSWER, "Fake.options must say which options it takes"),
        (CLASS + "    harness = 5" + ANSWER, "Fake.harness must be None or 'module:Class', not 5"),
        (CLASS + "    harness = ':'" + ANSWER, "Fake.harness must be None or 'module:Class', not ':'"),
        (BACKEND.replace('push=no("x")', "push=None"), "Fake.capabilities.push must be yes() or no('why'), not None"),
        (BACKEND.replace('expiry=no("x")', "expiry=True"), "Fake.capabilities.expiry must be yes() or no('why')"),
        (BACKEND.replace('=no("x"))', '=no("x"), ttl_range=(1,))'), "ttl_range must be the shortest and the longest"),
        (BACKEND.replace('=no("x"))', '=no("x"), ttl_range=("1", 2))'), "ttl_range must be the shortest and the"),
        (CLASS + EXITS + "@hookimpl\ndef incumbent_backend(): return Exits()", "cannot be loaded: SystemExit: 3"),
        (EXITS + "raise Exits", "cannot be loaded: Exits"),
    ],
)
def test_a_hook_that_answers_wrongly_is_named(ship, source, rule):
    """What the hook returns is checked before it is used; the message names package and fault."""
    ship("broken", source, version="0.9")
    message = load_error("broken")
    assert message.startswith("elector 'broken' (broken 0.9)")
    assert rule in message


def test_a_plugin_for_a_newer_contract_is_refused_clearly(ship):
    """It says both versions and what to do, before it looks at anything that may have changed."""
    ship("newer", CLASS + f"    contract_version = {CONTRACT_VERSION + 1}\n    close = Backend.close" + ANSWER)
    assert load_error("newer") == (
        f"elector 'newer' (newer 1.0) was written for contract {CONTRACT_VERSION + 1}, this incumbent serves "
        f"{CONTRACT_VERSION}: pip install -U incumbent"
    )


@pytest.fixture
def later(monkeypatch):
    """Two contracts have come since the first, and the first is not served any more."""
    monkeypatch.setattr("incumbent.declared.CONTRACT_VERSION", 3)
    monkeypatch.setattr("incumbent.declared.OLDEST_CONTRACT", 2)


@pytest.mark.usefixtures("later")
def test_a_plugin_for_a_contract_that_is_not_served_any_more_is_refused_clearly(ship):
    """It says which contracts are served, and which package to upgrade."""
    ship("older", BACKEND, distribution="older-elector")
    assert load_error("older") == (
        "elector 'older' (older-elector 1.0) was written for contract 1, this incumbent serves 2 to 3: "
        "pip install -U older-elector"
    )


@pytest.mark.usefixtures("later")
def test_a_plugin_for_an_older_contract_works_and_its_author_is_told(ship):
    """While its contract is served, a plugin is loaded; a DeprecationWarning, which tests show, says that this ends."""
    ship("old", BACKEND.replace("contract_version = 1", "contract_version = 2"))
    with pytest.warns(
        DeprecationWarning, match=r"\(old 1.0\) was written for contract 2, this .* serves 2 to 3: a later"
    ):
        assert load_backend_class("old").contract_version == 2


@pytest.mark.usefixtures("later")
def test_a_plugin_for_the_present_contract_is_loaded_without_a_word(ship):
    """Warnings are errors here: there is none."""
    ship("new", BACKEND.replace("contract_version = 1", "contract_version = 3"))
    assert load_backend_class("new").contract_version == 3


@pytest.mark.parametrize("raises", ["RuntimeError('S3CR3T')", "SystemExit('S3CR3T')"])
def test_a_backend_that_cannot_be_made_is_named_without_its_message(ship, raises):
    """A foreign exception of the constructor may hold a secret of the URL: its type is shown, the rest is the cause."""
    source = BACKEND.replace("self.address, self.settings = address, settings", f"raise {raises}")
    ship("broken", source)
    with pytest.raises(ElectorLoadError) as caught:
        open_backend("broken://user:S3CR3T@h", SETTINGS)
    message = assert_one_line(caught.value)
    assert message == f"elector 'broken' (broken 1.0): its backend failed: {raises.partition('(')[0]}"
    assert type(caught.value.__cause__).__name__ in message


def test_what_a_backend_refuses_is_passed_on(ship):
    """A configuration error of the constructor is the answer as it is; an interrupt is one."""
    refusing = BACKEND.replace("self.address, self.settings = address, settings", "raise ConfigurationError('no host')")
    ship("strict", "from incumbent import ConfigurationError\n" + refusing)
    with pytest.raises(ConfigurationError, match="no host") as caught:
        open_backend("strict://", SETTINGS)
    assert not isinstance(caught.value, ElectorLoadError)
    ship("slow", BACKEND.replace("self.address, self.settings = address, settings", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        open_backend("slow://", SETTINGS)


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


# ---------------------------------------------------------------- packages that cannot be read

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
