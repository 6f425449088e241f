"""The options that are libpq's own, and what each may be: what libpq would refuse at every request is told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from incumbent import ConfigurationError

from ._library import libpq

__all__ = ["PASSED", "check_values"]

#: Handed to libpq as they are.
PASSED: Mapping[str, str] = {
    "sslmode": "disable, allow, prefer, require, verify-ca or verify-full (default: $PGSSLMODE, or prefer)",
    "sslrootcert": "file with the certificates that sign the servers' (PEM; default: $PGSSLROOTCERT), or system",
    "sslcert": "file with the certificate that is shown to the servers (PEM; default: $PGSSLCERT)",
    "sslkey": "file with the private key of sslcert (PEM; default: $PGSSLKEY)",
    "sslpassword": "passphrase of sslkey",
    "sslcrl": "file with the servers' certificates that were revoked (PEM; default: $PGSSLCRL)",
    "sslsni": "1 or 0: name the server in clear text when TLS begins (default: $PGSSLSNI, or 1)",
    "sslnegotiation": "postgres or direct: how TLS begins (default: $PGSSLNEGOTIATION, or postgres)",
    "ssl_min_protocol_version": "TLSv1.2 or TLSv1.3, or older ones (default: $PGSSLMINPROTOCOLVERSION, or TLSv1.2)",
    "ssl_max_protocol_version": "likewise (default: $PGSSLMAXPROTOCOLVERSION, or none)",
    "channel_binding": "disable, prefer or require: tie the password to TLS (default: $PGCHANNELBINDING, or prefer)",
    "require_auth": "how the server may ask who we are, such as scram-sha-256 (default: $PGREQUIREAUTH, or any)",
    "gssencmode": "disable, prefer or require: encryption by Kerberos (default: $PGGSSENCMODE, or prefer)",
    "krbsrvname": "the servers' name for Kerberos (default: $PGKRBSRVNAME, or postgres)",
    "requirepeer": "user of the system that the server behind a Unix socket runs as (default: $PGREQUIREPEER, or any)",
    "passfile": "file with passwords, one 'host:port:database:user:password' a line (default: $PGPASSFILE, ~/.pgpass)",
    "service": "name of a service in libpq's own file, which has what the URL leaves out (default: $PGSERVICE)",
    "application_name": "how the server lists the connections (default: incumbent)",
    "client_encoding": "UTF8, whatever else the environment says",
    "options": "settings for the server, such as -c statement_timeout=5s (default: $PGOPTIONS)",
    "keepalives": "1 or 0: let TCP notice that a server has gone (default: 1)",
    "keepalives_idle": "seconds until it begins to ask (default: the system's)",
    "keepalives_interval": "seconds between its questions (default: the system's)",
    "keepalives_count": "questions without an answer that end the connection (default: the system's)",
    "tcp_user_timeout": "milliseconds that TCP waits for an acknowledgement (default: the system's)",
}
VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
THREE = ("disable", "prefer", "require")
ONE_OF: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslsni": ("1", "0"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": VERSIONS,
    "ssl_max_protocol_version": VERSIONS,
    "channel_binding": THREE,
    "gssencmode": THREE,
    "keepalives": ("1", "0"),
    "client_encoding": ("UTF8", "utf8", "UTF-8", "utf-8"),
    "target_session_attrs": ("read-write", "primary", "any"),
}
NUMBERS = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")


def check_values(given: Mapping[str, str]) -> None:
    """
    Refuse what libpq would refuse, or does not know.

    Raises:
        ConfigurationError: Names the option and what it may be.
    """
    for name, value in given.items():
        where = f"postgres: option {name}={ascii(value)[:60]}"
        if value not in ONE_OF.get(name, (value,)):
            why = ": elections need a server that takes writes" if name == "target_session_attrs" else ""
            raise ConfigurationError(f"{where}: must be one of {', '.join(ONE_OF[name])}{why}")
        if name in NUMBERS and not re.fullmatch(r"[0-9]{1,9}", value):
            raise ConfigurationError(f"{where}: must be a whole number, without a unit")
    pq = libpq()
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name in PASSED:
        if name in given and name not in known:
            raise ConfigurationError(
                f"postgres: option {name}: libpq {pq.version()} does not know it: take a newer one"
            )
