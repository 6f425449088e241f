"""What a URL, the files that it names and etcdctl's environment variables say, validated."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from incumbent import Address, BackendSettings, ConfigurationError, Endpoint, Secret, read_line, read_switch

from ._security import SYSTEM, Security

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
        options = cls(endpoints, _prefix(address.path), security, username, password)
        options._check_exposure(insecure=read_switch("etcd", "insecure", address.options.get("insecure")) is True)
        return options

    def _check_exposure(self, *, insecure: bool) -> None:
        if self.username is None or self.security.tls or insecure:
            return
        for endpoint in self.endpoints:
            if not endpoint.is_loopback:
                raise ConfigurationError(
                    f"etcd: user and password would go to {endpoint} unencrypted: give ca=FILE, tls=yes or, if the "
                    "network can be trusted, insecure=yes"
                )


def whole_ttl(settings: BackendSettings) -> int:
    """
    Return the ttl as etcd takes it: whole seconds, never less than asked for.

    Raises:
        ConfigurationError: etcd does not grant it.
    """
    if not SHORTEST_TTL <= settings.ttl <= LONGEST_TTL:
        raise ConfigurationError(f"ttl {settings.ttl:g} s: etcd grants {SHORTEST_TTL:g} to {LONGEST_TTL:g} s")
    return math.ceil(settings.ttl)


def _security(address: Address, environment: Mapping[str, str], *, encrypted: bool) -> Security:
    given = address.options
    for name in ("ca", "cert", "key", "password-file"):
        if given.get(name) == "":  # of a variable that is not set, perhaps: it must not turn encryption off
            raise ConfigurationError(f"etcd: option {name} is empty: give the path of a file, or leave the option out")
    switch = read_switch("etcd", "tls", given.get("tls"))
    if switch is False:
        for name in ("ca", "cert", "key"):
            if name in given:
                raise ConfigurationError(f"etcd: option {name} makes no sense with tls=no: leave one of them out")
        return Security(tls=False)
    ca = given.get("ca") or environment.get("ETCDCTL_CACERT") or None
    if "cert" in given or "key" in given:  # one of the URL and one of the environment would not fit together
        cert, key = given.get("cert"), given.get("key")
    else:
        cert, key = environment.get("ETCDCTL_CERT") or None, environment.get("ETCDCTL_KEY") or None
    tls = switch is True or encrypted or any((ca, cert, key))
    if (cert is None) != (key is None):
        has, lacks = ("cert", "key") if key is None else ("key", "cert")
        raise ConfigurationError(f"etcd: option {has} needs option {lacks} too: the certificate and its private key")
    if cert is not None and ca is None:
        raise ConfigurationError(
            "etcd: option cert needs option ca too: the file with the certificates that sign the servers', or ca=system"
        )
    security = Security(tls=tls, ca=(ca or SYSTEM) if tls else None, cert=cert, key=key)
    if tls:
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
