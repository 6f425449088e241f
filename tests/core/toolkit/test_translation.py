"""What a client library raises becomes an error of the contract, as it is declared."""

from __future__ import annotations

import traceback

import pytest

from incumbent import BackendRejectedError, BackendUnavailableError, ConfigurationError
from incumbent.toolkit import Translation, caused_by


class LostError(Exception):
    """As a library has it."""


class RefusedError(LostError):
    """A kind of it."""


#: In no line of this file, which tracebacks show.
SECRET = "s3" + "cret"
ERRORS = Translation(
    "toy",
    rejected={"no such user": "user or password is wrong", RefusedError: "", "wrong type": ""},
    unavailable={TimeoutError: "no answer in time", LostError: "the connection was closed"},
)


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (LostError("x"), BackendUnavailableError, "the connection was closed"),
        (RefusedError("go\naway"), BackendRejectedError, "go away"),
        (RefusedError(), BackendRejectedError, "RefusedError"),
        (LostError("no such user: root"), BackendRejectedError, "user or password is wrong"),
        (ValueError("wrong type of key"), BackendRejectedError, "wrong type of key"),
        (TimeoutError(), BackendUnavailableError, "no answer in time"),
        (KeyError("x"), BackendUnavailableError, "KeyError: 'x'"),
        (EOFError(), BackendUnavailableError, "EOFError"),
    ],
    ids=repr,
)
def test_error_means_what_is_declared_first(raised, kind, text):
    """Rule 2: By its class or its text; one line that names the server; what is not declared may pass."""
    made = ERRORS.error(raised, "there:1")
    assert type(made) is kind
    assert str(made) == f"toy there:1: {text}"
    assert made.__cause__ is raised


def test_block_raises_the_contracts_errors_and_nothing_else():
    """Rule 2: With the library's error as the cause; one that is the contract's own already is left as it is."""
    with pytest.raises(BackendUnavailableError) as raised, ERRORS.translating("there:1"):
        raise LostError("x")
    assert type(raised.value.__cause__) is LostError
    with pytest.raises(ConfigurationError, match=r"^mine$"), ERRORS.translating("there:1"):
        raise ConfigurationError("mine")


@pytest.mark.parametrize("nested", [False, True])
def test_secret_is_shown_by_nothing_that_comes_out(nested):
    """P8: Neither by the message nor by a cause, however deep; what hides it hides the rest of that error, too."""

    def ask():
        try:
            raise ValueError(f"AUTH me {SECRET}")
        except ValueError as error:
            if nested:
                raise LostError("x") from error
            raise

    with pytest.raises(BackendUnavailableError) as raised, ERRORS.translating("there:1", SECRET, None):
        ask()
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert nested or str(raised.value) == "toy there:1: ValueError: AUTH me ***"


def test_secret_does_not_hide_what_an_error_means():
    """Rule 2: Who has the password `user` is told that it is wrong, too: a text is judged as the library wrote it."""
    made = ERRORS.error(LostError("no such user: root"), "there:1", "user")
    assert type(made) is BackendRejectedError
    assert str(made) == "toy there:1: user or password is wrong"


def test_cause_is_kept_if_it_shows_no_secret():
    """Rule 2: Whoever looks for the reason finds it."""
    error = ValueError("x")
    assert caused_by(BackendUnavailableError("y"), error, SECRET, "", None).__cause__ is error
