"""The password in a URL shows nowhere."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress

import pytest

from incumbent import ConfigurationError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

#: Planted in the URL as the password.
SECRET = "pa55-w0rd-of-the-suite"  # noqa: S105 - that is the point


class Secrets:
    """What is printed, logged or raised can be shown to anybody."""

    def test_no_repr_shows_the_password(self, scene: Scene) -> None:
        """P8: The reprs of a backend and of an elector do not show the password of their URL."""
        with suppress(ConfigurationError):  # a backend without passwords refuses it: the next test reads the message
            backend = scene.harness.backend(scene.settings, planted(scene.harness.url))
            a = scene.candidate("a", backend=backend)
            assert SECRET not in f"{backend!r} {backend} {a.elector!r} {a.elector}"

    def test_no_answer_shows_the_password(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """P8: Nor does what is logged or raised when the store is there, and takes the password or refuses it."""
        caplog.set_level(logging.DEBUG)
        told = ""
        try:
            _ask_with_password(scene)
        except Exception as error:
            told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert SECRET not in told
        assert SECRET not in caplog.text

    @requires("freeze")
    def test_no_error_shows_the_password(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        """P8: Neither an error, nor its causes, nor a log line shows the password of the URL."""
        caplog.set_level(logging.DEBUG)
        with pytest.raises(Exception) as caught, scene.frozen():  # noqa: PT011 - any error will do
            _ask_with_password(scene)
        error = caught.value
        assert SECRET not in "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert SECRET not in caplog.text


def _ask_with_password(scene: Scene) -> None:
    backend = scene.harness.backend(scene.settings, planted(scene.harness.url))
    scene.candidate("a", backend=backend).acquire_leadership()


def planted(url: str) -> str:
    """Return *url* with a password."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}somebody:{SECRET}@{authority.rpartition('@')[2]}{slash}{path}"
