"""What a URL says, validated, and as libpq takes it; what it leaves out, libpq takes from its own environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from incumbent import Address, ConfigurationError, Secret, read_file

from ._values import PASSED, check_values

__all__ = ["HELP", "Options"]

#: The options of the URL.
HELP: Mapping[str, str] = {
    "schema": "schema of the two tables (default: incumbent)",
    "host": "servers, or directories of their Unix sockets, for URLs without a host (default: $PGHOST, or libpq's)",
    "port": "port of all servers, or of each, separated by commas (default: $PGPORT, or 5432)",
    "user": "user, for URLs without one (default: $PGUSER, or libpq's)",
    "password": "password, for URLs without one (default: $PGPASSWORD, or that of the password file)",
    "dbname": "database, for URLs without a path (default: $PGDATABASE, or the user's name)",
    "connect_timeout": "whole seconds for one connection, within the request timeout (default: 0, no other limit)",
    "target_session_attrs": "read-write, primary or any: whichever it is, a server that takes writes is used",
    "ssl": "true: the same as sslmode=require, which other drivers write so",
    **PASSED,
}
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
SCHEMA = "incumbent"
#: PostgreSQL cuts longer names, bytes.
LONGEST_IDENTIFIER = 63
#: Who may read a password file besides its owner, for libpq to ignore it.
OTHERS = 0o077


@dataclass(frozen=True)
class Options:
    """Everything about where and how to connect. Shows no secret."""

    #: One for each server: what libpq is told besides `common`. At least one.
    hosts: tuple[Mapping[str, str], ...]
    common: Mapping[str, str] = field(repr=False)  # sslpassword, for one
    schema: str
    #: Seconds that a connection may take; 0 for as long as the request.
    connect_timeout: float = 0.0
    password: Secret | None = field(default=None, repr=False)

    @classmethod
    def of(cls, address: Address) -> Options:
        """
        Read *address*.

        Raises:
            ConfigurationError: One line that names the part, its value and the rule.
        """
        given = _given(address)
        _check(given)
        common = {"application_name": "incumbent"} | {name: given[name] for name in PASSED if name in given}
        common |= {"client_encoding": "UTF8", "target_session_attrs": "any"}
        if database := _once("dbname", "path", _database(address.path), given):
            common["dbname"] = database
        if user := _once("user", "user", address.username, given):
            common["user"] = user
        secret = None if address.password is None else address.password.reveal()
        password = _once("password", "password", secret, given)
        hosts = tuple(
            {name: str(value) for name, value in (("host", host), ("port", port)) if value is not None}
            for host, port in _hosts(address, given)
        )
        timeout = float(given.get("connect_timeout", "0"))
        return cls(hosts, common, given.get("schema", SCHEMA), timeout, None if password is None else Secret(password))

    @property
    def is_encrypted(self) -> bool:
        """Whether a connection without encryption, or to another server than was meant, is refused."""
        return self.common.get("sslmode", os.environ.get("PGSSLMODE", "")) in ("require", "verify-ca", "verify-full")

    def parameters(self, host: Mapping[str, str]) -> dict[str, str]:
        """Return what libpq is to be told for that host, the password included."""
        secret = {} if self.password is None else {"password": self.password.reveal()}
        return {**self.common, **host, **secret}

    def shown(self, host: Mapping[str, str]) -> str:
        """Return that host as messages name it."""
        name = host.get("host") or os.environ.get("PGHOST") or "(default host)"
        name = f"[{name}]" if ":" in name else ascii(name)[1:-1][:80]
        return f"{name}:{host['port']}" if "port" in host else name


def _given(address: Address) -> dict[str, str]:
    """Return the options, with what they are short for."""
    given = {**_environment(address), **address.options}
    if "ssl" in given:
        if given.pop("ssl") != "true" or "sslmode" in given:
            raise ConfigurationError("postgres: option ssl: can only be true: leave it out, and give sslmode instead")
        given["sslmode"] = "require"
    return given


def _environment(address: Address) -> Mapping[str, str]:
    """Return the hosts of libpq's environment, for a URL without any: their names are looked up as those of a URL."""
    has_hosts = address.hosts or address.options.keys() & {"host", "service"}
    host = os.environ.get("PGHOST", "")
    if has_hosts or not host or host.startswith("@") or os.environ.get("PGSERVICE") or os.environ.get("PGHOSTADDR"):
        return {}
    port = os.environ.get("PGPORT")
    return {"host": host, "port": port} if port else {"host": host}


def _once(option: str, part: str, value: str | None, given: Mapping[str, str]) -> str | None:
    """Return what that part of the URL says, or else the option; both at once might contradict each other."""
    if value and option in given:
        raise ConfigurationError(f"postgres: option {option}: the URL has a {part} already: leave one of them out")
    return value or given.get(option)


def _hosts(address: Address, given: Mapping[str, str]) -> tuple[tuple[str | None, int | None], ...]:
    """Return the hosts of the URL, or of its options, which have them as libpq writes them; None for its default."""
    if address.hosts and "host" in given:
        raise ConfigurationError("postgres: option host: the URL has a host already: leave one of them out")
    if "port" not in given and "host" not in given:
        return address.hosts or ((None, None),)
    if any(port is not None for _, port in address.hosts):
        raise ConfigurationError("postgres: option port: the URL has a port already: leave one of them out")
    named = given["host"].split(",") if "host" in given else [host for host, _ in address.hosts]
    hosts, ports = named or ["default"], given.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ConfigurationError(
            f"postgres: option port: {len(ports)} ports for {len(hosts)} hosts: give one, or one for each"
        )
    names = [f"[{host}]" if ":" in host else quote(host, safe="") for host in hosts]
    written = ",".join(f"{name}:{port}" if port else name for name, port in zip(names, ports, strict=True))
    read = Address.parse(f"postgres://{written}")
    if read != Address("postgres", read.hosts):
        raise ConfigurationError("postgres: options host and port: write names or addresses, and numbers")
    return read.hosts if named else ((None, read.hosts[0][1]),)


def _check(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if not value:
            raise ConfigurationError(f"postgres: option {name} is empty: give a value, or leave the option out")
    check_values(given)
    if ("sslcert" in given) != ("sslkey" in given):
        has, lacks = ("sslcert", "sslkey") if "sslcert" in given else ("sslkey", "sslcert")
        raise ConfigurationError(f"postgres: option {has} needs option {lacks} too: a certificate and its private key")
    if len(given.get("schema", SCHEMA).encode()) > LONGEST_IDENTIFIER:
        raise ConfigurationError(
            f"postgres: option schema: {LONGEST_IDENTIFIER} bytes are the most that a name may have"
        )
    for name in FILES:
        if name in given and (name, given[name]) != ("sslrootcert", "system"):
            read_file("postgres", name, given[name])  # libpq would say so at the first request
    if "passfile" in given and Path(given["passfile"]).stat().st_mode & OTHERS:  # libpq would say that none was given
        raise ConfigurationError(
            f"postgres: option passfile={ascii(given['passfile'])[:255]}: others may read it, so libpq would not: "
            "give it mode 600"
        )


def _database(path: str) -> str:
    name = path.removeprefix("/")
    if "/" in name:
        raise ConfigurationError(f"postgres: path {ascii(path)[:60]}: must be the name of one database")
    return name
