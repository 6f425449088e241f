"""A package whose elector cannot be loaded or made is named with the cause."""

from __future__ import annotations

import pytest
from brought import BACKEND, SETTINGS, load_error
from oneline import assert_one_line

from incumbent import ConfigurationError, ElectorLoadError
from incumbent.elector import CONTRACT_VERSION
from incumbent.registry import installed, load_backend_class, open_backend


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
