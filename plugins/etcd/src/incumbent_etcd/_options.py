"""What a URL, the files that it names and etcdctl's environment variables say, validated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from incumbent import Address, ConfigurationError, Secret
from incumbent.toolkit import SYSTEM, Endpoint, read_line, read_switch, read_tls, refuse_plain_text

from ._security import Security

__all__ = ["HELP", "LONGEST_TTL", "SHORTEST_TTL", "Options"]

#: The options of the URL.
HELP: Mapping[str, str] = {
    "ca": "file with the certificates that sign the servers' (PEM), or 'system' (default: $ETCDCTL_CACERT)",
    "cert": "file with the certificate that is shown to the servers (PEM; default: $ETCDCTL_CERT)",
    "key": "file with the private key of cert (PEM; default: $ETCDCTL_KEY)",
    "tls": "yes or no: encrypt (default: yes if any of ca, cert and key is given)",
    "password-file": "file whose first line is the user's password (default: $ETCDCTL_USER, $ETCDCTL_PASSWORD)",
    "insecure": "yes or no: send user and password unencrypted to another host (default: no)",
}
#: Where etcdctl finds the files that the URL does not name.
VARIABLES = {"ca": "ETCDCTL_CACERT", "cert": "ETCDCTL_CERT", "key": "ETCDCTL_KEY"}
DEFAULT_PORT = 2379
#: etcd grants no less with its usual election timeout, and no more at all, seconds.
SHORTEST_TTL, LONGEST_TTL = 2.0, 9e9


@dataclass(frozen=True)
class Options:
    """Everything about where and how to connect. Shows no secret."""

    endpoints: tuple[Endpoint, ...]
    #: Stands before each lock id: empty, or with a slash at its end.
    prefix: str
    security: Security
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)

    @classmethod
    def of(cls, address: Address, environment: Mapping[str, str] | None = None) -> Options:
        """
        Read *address*, and *environment* where it is silent.

        Raises:
            ConfigurationError: One line that names the part, its value and the rule.
        """
        environment = os.environ if environment is None else environment
        schemes: set[str] = set()
        if address.hosts:
            endpoints = tuple(dict.fromkeys(Endpoint(host, port or DEFAULT_PORT) for host, port in address.hosts))
        else:
            named = environment.get("ETCDCTL_ENDPOINTS", "")
            if environment.get("ETCDCTL_DISCOVERY_SRV") and not named:
                raise ConfigurationError(
                    "etcd: $ETCDCTL_DISCOVERY_SRV is not used: name the servers in the URL or in $ETCDCTL_ENDPOINTS"
                )
            endpoints, schemes = _endpoints(named)
        security = _security(address, environment, encrypted="https" in schemes)
        username, password = _user(address, environment)
        insecure = read_switch("etcd", "insecure", address.options.get("insecure"))
        if username is not None and not (security.is_on or insecure):
            refuse_plain_text("etcd", "user and password", endpoints, "give ca=FILE, tls=yes")
        return cls(endpoints, _prefix(address.path), security, username, password)


def _security(address: Address, environment: Mapping[str, str], *, encrypted: bool) -> Security:
    fallback = {name: environment.get(variable) for name, variable in VARIABLES.items()}
    tls = read_tls("etcd", address.options, encrypted=encrypted or any(fallback.values()), fallback=fallback)
    if tls.cert is not None and tls.ca is None:
        raise ConfigurationError(
            "etcd: option cert needs option ca too: the file with the certificates that sign the servers', or ca=system"
        )
    security = Security(tls.is_on, (tls.ca or SYSTEM) if tls.is_on else None, tls.cert, tls.key)
    if tls.is_on:
        security.read()  # what is wrong with a file is to be known before the first election
    return security


def _user(address: Address, environment: Mapping[str, str]) -> tuple[str | None, Secret | None]:
    file = address.options.get("password-file")
    username, password = address.username, address.password
    if username == "":
        raise ConfigurationError("etcd: a user name must stand before the '@', for etcd's passwords are those of users")
    if username is None:
        name, colon, text = environment.get("ETCDCTL_USER", "").partition(":")
        username, password = name or None, Secret(text) if colon else None
    if file is not None:
        if address.password is not None:
            raise ConfigurationError("etcd: option password-file: the URL has a password already: leave one out")
        password = Secret(read_line("etcd", "password-file", file))
    elif password is None and environment.get("ETCDCTL_PASSWORD"):
        password = Secret(environment["ETCDCTL_PASSWORD"])
    if username is None and file is not None:
        raise ConfigurationError("etcd: option password-file needs a user: write etcd://user@host")
    if username is None:
        return None, None
    if password is None:
        raise ConfigurationError(
            f"etcd: user {ascii(username)[:60]} has no password: give password-file=FILE or $ETCDCTL_PASSWORD"
        )
    return username, password


def _endpoints(text: str) -> tuple[tuple[Endpoint, ...], set[str]]:
    """Parse what etcdctl takes: host:port or http(s)://host:port, with commas between."""
    endpoints, schemes = [], set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            url = urlsplit(part if "://" in part else f"//{part}")
            host, port = url.hostname, url.port
            Address.parse(f"etcd://[{host}]" if ":" in (host or "") else f"etcd://{host}")  # is it the name of one?
        except ValueError:
            host, port, url = None, None, urlsplit("")
        if not host or url.scheme not in ("", "http", "https") or url.path.strip("/") or url.username is not None:
            raise ConfigurationError(
                "etcd: $ETCDCTL_ENDPOINTS: write host:port or https://host:port, separated by commas"
            )
        endpoints.append(Endpoint(host, port or DEFAULT_PORT))
        schemes.add(url.scheme or "http")
    if len(schemes) > 1:
        raise ConfigurationError("etcd: $ETCDCTL_ENDPOINTS: all must begin with https://, or none")
    return tuple(dict.fromkeys(endpoints)) or (Endpoint("127.0.0.1", DEFAULT_PORT),), schemes


def _prefix(path: str) -> str:
    segments = path.strip("/").split("/")
    if segments == [""]:
        return ""
    if "" in segments:
        raise ConfigurationError(f"etcd: path {ascii(path)[:60]}: has an empty segment between two slashes")
    return "/".join(segments) + "/"
