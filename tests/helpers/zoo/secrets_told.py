"""Secrets that are told."""

from __future__ import annotations

import base64
import logging
import sys
from pathlib import Path
from types import MappingProxyType

from incumbent import BackendRejectedError, BackendUnavailableError, ConfigurationError

from . import mistaken
from .client import Client, StoreError
from .elector import ZooBackend

ANSWER, OPTION = "test_no_answer_shows_the_password", "test_no_option_shows_its_secret"
DEAD, FROZEN = "test_no_error_of_a_dead_store_shows_the_password", "test_no_error_shows_the_password"

#: As that of a library which has its own.
quiet = logging.getLogger("zoo.library")
quiet.propagate = False
quiet.setLevel(logging.WARNING)


class TellsItsLogger(Client):
    def connect(self, end):
        quiet.debug("connecting as %s", self.place)
        return super().connect(end)


@mistaken(ANSWER, DEAD, FROZEN)
class LibraryLogs(ZooBackend):
    """The client library has a logger of its own, which tells the password when it is asked to tell more."""

    client_class = TellsItsLogger


class TellsItsHeader(Client):
    def connect(self, end):
        _, _, user, password = self.place
        logging.getLogger("zoo").debug("Basic %s", base64.b64encode(f"{user}:{password}".encode()).decode())
        return super().connect(end)


@mistaken(ANSWER, DEAD, FROZEN)
class LogsEncoded(ZooBackend):
    """What is logged has the password in Base64."""

    client_class = TellsItsHeader


class Prints(Client):
    def connect(self, end):
        sys.stderr.write(f"zoo: {self.place}\n")
        return super().connect(end)


@mistaken(ANSWER, DEAD, FROZEN)
class LibraryPrints(ZooBackend):
    """The client library prints to stderr."""

    client_class = Prints


@mistaken(DEAD, FROZEN)
class HidesTheCause(ZooBackend):
    """An error is raised without its cause, which is still there and tells the password."""

    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except BackendUnavailableError:
            try:
                raise StoreError(*self.client.place)
            except StoreError:
                raise BackendUnavailableError("the store does not answer") from None


@mistaken(DEAD)
class DeadStoresAreNamed(ZooBackend):
    """A connection that is refused is told with the whole URL."""

    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except BackendUnavailableError as error:
            if "refused" in str(error):
                raise BackendUnavailableError(f"{self.client.place}: {error}") from error
            raise


@mistaken(ANSWER, DEAD, FROZEN)
class NamesItsThread(ZooBackend):
    """A thread is named after the URL."""

    def listen(self, elector):
        super().listen(elector)
        self.watch.thread.name = f"watch of {self.client.place[3]}"


@mistaken("test_no_rejection_shows_the_password")
class RejectionsAreNamed(ZooBackend):
    """Who is refused is told with the password that was refused."""

    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except BackendRejectedError as error:
            raise BackendRejectedError(f"{self.client.place}: {error}") from error


@mistaken("test_no_rejection_shows_the_password")
class RejectionsAreLogged(ZooBackend):
    """Who is refused is logged with the password that was refused."""

    def ask(self, do, **fields):
        try:
            return super().ask(do, **fields)
        except BackendRejectedError:
            logging.getLogger("zoo").info("refused: %s", self.client.place)
            raise


class ShowsItsOptions(ZooBackend):
    """Shows what it was given."""

    options = MappingProxyType({"token": "what the store knows us by"})

    def __repr__(self):
        return f"<zoo {dict(self.url.options)}>"


@mistaken(OPTION)
class ReprShowsItsToken(ShowsItsOptions):
    """The repr of a backend shows its options."""


class WithOptions(ZooBackend):
    options = MappingProxyType({"token": "what the store knows us by", "token-file": "a file with it"})


@mistaken(OPTION)
class RefusesItsTokenAloud(WithOptions):
    """An option that is refused is shown with its value."""

    def __init__(self, address, settings):
        if "token" in address.options:
            raise ConfigurationError(f"token {address.options['token']!r}: has no such form")
        super().__init__(address, settings)


@mistaken(OPTION)
class ReadsItsFileAloud(WithOptions):
    """What stands in a file is shown when it is refused."""

    def __init__(self, address, settings):
        if "token-file" in address.options:
            raise ConfigurationError(f"token-file: {Path(address.options['token-file']).read_text()!r} is no token")
        super().__init__(address, settings)


@mistaken(OPTION)
class RefusesItsTtlAloud(ZooBackend):
    """A ttl that is refused is told with the URL as it was given."""

    def __init__(self, address, settings):
        try:
            super().__init__(address, settings)
        except ConfigurationError as error:
            raise ConfigurationError(f"{address.password.reveal() if address.password else ''}: {error}") from error
