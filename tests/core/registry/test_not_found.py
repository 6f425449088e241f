"""A name that nobody brings gets what may have been meant, and what to install."""

from __future__ import annotations

import pytest
from brought import not_found

from incumbent import advice
from incumbent.registry import installed


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
