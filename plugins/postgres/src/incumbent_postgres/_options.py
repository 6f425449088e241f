"""What a URL says, validated, and as libpq takes it; what it leaves out, libpq takes from its own environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from incumbent import Address, ConfigurationError, Secret, read_file

__all__ = ["HELP", "Options"]

#: The options of the URL.
HELP: Mapping[str, str] = {
    "schema": "schema of the two tables (default: incumbent)",
    "host": "directory of the server's Unix socket, for URLs without a host (default: $PGHOST, or libpq's)",
    "sslmode": "disable, allow, prefer, require, verify-ca or verify-full (default: $PGSSLMODE, or prefer)",
    "sslrootcert": "file with the certificates that sign the servers' (PEM; default: $PGSSLROOTCERT), or system",
    "sslcert": "file with the certificate that is shown to the servers (PEM; default: $PGSSLCERT)",
    "sslkey": "file with the private key of sslcert (PEM; default: $PGSSLKEY)",
    "passfile": "file with passwords, one 'host:port:database:user:password' a line (default: $PGPASSFILE, ~/.pgpass)",
}
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
#: Handed to libpq as they are.
PASSED = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "passfile")
FILES = ("sslrootcert", "sslcert", "sslkey", "passfile")
SCHEMA = "incumbent"
#: PostgreSQL cuts longer names, bytes.
LONGEST_IDENTIFIER = 63


@dataclass(frozen=True)
class Options:
    """Everything about where and how to connect. Shows no secret."""

    #: One for each server: what libpq is told besides `common`. At least one.
    hosts: tuple[Mapping[str, str], ...]
    common: Mapping[str, str]
    schema: str
    password: Secret | None = field(default=None, repr=False)

    @classmethod
    def of(cls, address: Address) -> Options:
        """
        Read *address*.

        Raises:
            ConfigurationError: One line that names the part, its value and the rule.
        """
        given = dict(address.options)
        _check(given, has_hosts=bool(address.hosts))
        common = {name: given[name] for name in PASSED if name in given}
        common |= {"client_encoding": "UTF8", "target_session_attrs": "read-write", "application_name": "incumbent"}
        if database := _database(address.path):
            common["dbname"] = database
        if address.username is not None:
            common["user"] = address.username
        hosts = tuple(
            {"host": host} | ({} if port is None else {"port": str(port)}) for host, port in address.hosts
        ) or ({},)
        return cls(hosts, common, given.get("schema", SCHEMA), address.password)

    @property
    def is_encrypted(self) -> bool:
        """Whether a connection without encryption, or to another server than was meant, is refused."""
        return self.common.get("sslmode", os.environ.get("PGSSLMODE", "")) in MODES[3:]

    def parameters(self, host: Mapping[str, str]) -> dict[str, str]:
        """Return what libpq is to be told for that host, the password included."""
        secret = {} if self.password is None else {"password": self.password.reveal()}
        return {**self.common, **host, **secret}

    def shown(self, host: Mapping[str, str]) -> str:
        """Return that host as messages name it."""
        name = host.get("host") or self.common.get("host") or os.environ.get("PGHOST") or "(default host)"
        name = f"[{name}]" if ":" in name else ascii(name)[1:-1][:80]
        return f"{name}:{host['port']}" if "port" in host else name


def _check(given: Mapping[str, str], *, has_hosts: bool) -> None:
    for name, value in given.items():
        if not value:
            raise ConfigurationError(f"postgres: option {name} is empty: give a value, or leave the option out")
    if "host" in given and has_hosts:
        raise ConfigurationError("postgres: option host: the URL has a host already: leave one of them out")
    if given.get("sslmode", MODES[0]) not in MODES:
        raise ConfigurationError(
            f"postgres: option sslmode={ascii(given['sslmode'])[:60]}: must be one of {', '.join(MODES)}"
        )
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


def _database(path: str) -> str:
    name = path.removeprefix("/")
    if "/" in name:
        raise ConfigurationError(f"postgres: path {ascii(path)[:60]}: must be the name of one database")
    return name
