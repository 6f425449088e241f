"""What a URL, the files that it names and redis-cli's environment variable say, validated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from incumbent import Address, ConfigurationError, Secret
from incumbent.toolkit import Tls, read_line, read_switch, read_tls, refuse_plain_text

from ._places import UNIX, Place, places

__all__ = ["HELP", "Options", "User", "shown"]

#: The options of the URL.
HELP: Mapping[str, str] = {
    "db": "number of the database, if it is not the URL's path (default 0)",
    "sentinel": "name of the primary that the hosts, which are Sentinels then, watch",
    "sentinel-password-file": "file whose first line the Sentinels take as password (default: the server's)",
    "sentinel-user": "the user whom the Sentinels know by that password (default: none)",
    "replicas": "number of replicas that must have a claim before it counts (default 0)",
    "prefix": "how the keys and channels begin: {prefix}:name (default: incumbent)",
    "ca": "file with the certificates that sign the servers' (PEM; default: the system's)",
    "cert": "file with the certificate that is shown to the servers (PEM)",
    "key": "file with the private key of cert (PEM)",
    "tls": "yes or no: encrypt (default: yes for rediss:// and valkeys://, or if any of ca, cert and key is given)",
    "password-file": "file whose first line is the user's password (default: $REDISCLI_AUTH)",
    "insecure": "yes or no: send a password unencrypted to another host (default: no)",
}
DEFAULT_PREFIX = "incumbent"
MOST_REPLICAS = 100
LARGEST_DB = 99_999
#: The schemes that say by themselves that what is sent is encrypted.
ENCRYPTED = ("rediss", "valkeys")


@dataclass(frozen=True)
class User:
    """Who we are to a server: one without a name is its user `default`. Shows no secret."""

    name: str | None
    password: Secret = field(repr=False)


@dataclass(frozen=True)
class Options:
    """Everything about where and how to connect. Shows no secret."""

    endpoints: tuple[Place, ...]
    #: The name of the primary if the endpoints are Sentinels.
    sentinel: str | None
    db: int
    prefix: str
    replicas: int
    security: Tls
    user: User | None = None
    #: Who we are to a Sentinel that asks.
    sentinel_user: User | None = None
    is_exposed: bool = False

    @classmethod
    def of(cls, address: Address, environment: Mapping[str, str] | None = None) -> Options:
        """
        Read *address*, and *environment* where it is silent.

        Raises:
            ConfigurationError: One line that names the part, its value and the rule.
        """
        environment = os.environ if environment is None else environment
        given = address.options
        sentinel = given.get("sentinel")
        if sentinel is not None and not (sentinel and sentinel.isascii() and " " not in sentinel):
            raise _wrong("sentinel", sentinel, "write the name of the primary, as in sentinel.conf")
        user = _user(address, environment)
        options = cls(
            places(address),
            sentinel,
            _db(address),
            _prefix(given),
            _count(given, "replicas", MOST_REPLICAS),
            _security(address),
            user,
            _sentinel_user(given) or user,
            read_switch("redis", "insecure", given.get("insecure")) is True,
        )
        for endpoint in options.endpoints:
            options.check_exposure(endpoint, options.user if sentinel is None else options.sentinel_user)
        return options

    @property
    def secrets(self) -> list[str]:
        """What must not be shown."""
        return [user.password.reveal() for user in (self.user, self.sentinel_user) if user is not None]

    def check_exposure(self, endpoint: Place, user: User | None) -> None:
        """
        See that the password of *user* does not go to another host in plain text, unless that is wanted.

        Raises:
            ConfigurationError: It would.
        """
        if user is not None and not (self.security.is_on or self.is_exposed):
            refuse_plain_text("redis", "the password", [endpoint], "write rediss://, give ca=FILE")


def shown(value: str) -> str:
    """Return *value* for a message."""
    return ascii(value)[:60]


def _wrong(option: str, value: str, rule: str) -> ConfigurationError:
    return ConfigurationError(f"redis: option {option}={shown(value)}: {rule}")


def _db(address: Address) -> int:
    where, text = "path", "" if address.scheme == UNIX else address.path.removeprefix("/")
    if "db" in address.options:
        if text:
            raise ConfigurationError("redis: option db: the URL's path names the database already: leave one out")
        where, text = "option db", address.options["db"]
    elif not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ConfigurationError(
            f"redis: {where} {shown(text)}: must be the number of a database, from 0 to {LARGEST_DB} (option prefix "
            f"keeps elections apart; a Unix socket is {UNIX}:///path)"
        )
    return int(text)


def _prefix(given: Mapping[str, str]) -> str:
    prefix = given.get("prefix", DEFAULT_PREFIX)
    if not prefix or len(prefix) > 255 or any(character in "{}" for character in prefix):
        raise _wrong("prefix", prefix, "must have 1 to 255 characters, and no brace")
    return prefix


def _count(given: Mapping[str, str], name: str, most: int) -> int:
    text = given.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most):
        raise _wrong(name, text, f"must be a number from 0 to {most}")
    return int(text)


def _security(address: Address) -> Tls:
    is_encrypted = address.scheme in ENCRYPTED
    if is_encrypted and address.options.get("tls") == "no":
        raise ConfigurationError(f"redis: tls=no makes no sense with {address.scheme}://, which always encrypts")
    security = read_tls("redis", address.options, encrypted=is_encrypted)
    if security.is_on:
        security.context("redis")  # what is wrong with a file is to be known before the first election
    return security


def _user(address: Address, environment: Mapping[str, str]) -> User | None:
    username, password = address.username or None, address.password
    file = address.options.get("password-file")
    if file is not None:
        if password is not None:
            raise ConfigurationError("redis: option password-file: the URL has a password already: leave one out")
        password = Secret(read_line("redis", "password-file", file))
    elif password is None and environment.get("REDISCLI_AUTH"):
        password = Secret(environment["REDISCLI_AUTH"])
    if password is not None:
        return User(username, password)
    if username is not None:
        raise ConfigurationError(
            f"redis: user {shown(username)} has no password: give password-file=FILE or $REDISCLI_AUTH"
        )
    return None


def _sentinel_user(given: Mapping[str, str]) -> User | None:
    name, file = given.get("sentinel-user"), given.get("sentinel-password-file")
    if name is None and file is None:
        return None
    if "sentinel" not in given:
        raise ConfigurationError(
            "redis: options sentinel-user and sentinel-password-file are for Sentinels: give sentinel=NAME too"
        )
    if file is None:
        raise ConfigurationError("redis: option sentinel-user needs option sentinel-password-file too")
    if name == "":
        raise _wrong("sentinel-user", name, "is empty: leave it out where Sentinels have no users")
    return User(name, Secret(read_line("redis", "sentinel-password-file", file)))
