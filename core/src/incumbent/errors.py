"""Every error of the library: one tree under `ElectionError`.

Messages are one line that says what is wrong and what to do. They never carry a secret.
A client library's exception is mapped to one of these by its elector and kept as `__cause__`.
"""

from __future__ import annotations


class ElectionError(Exception):
    """The root: whoever catches this catches everything the library raises."""


class ConfigurationError(ElectionError, ValueError):
    """A setting, URL, schedule or command line is wrong. Permanent until somebody corrects it."""


class ElectorNotFoundError(ConfigurationError):
    """No installed package brings an elector of that name."""


class ElectorLoadError(ConfigurationError):
    """A package that should bring the elector is broken; names the package and the cause."""


class BackendUnavailableError(ElectionError):
    """A request failed or timed out. Its outcome is unknown: it may have taken effect. Retried."""


class BackendRejectedError(ElectionError):
    """The backend said no for good (credentials, rights, a conflicting key). Ends the run."""


class InvalidStateError(ElectionError):
    """The call makes no sense in the present state, such as checking without leading."""

    def __init__(self, message: str = "invalid election state") -> None:
        super().__init__(message)


class LeadershipLostError(ElectionError):
    """The term that the caller relied on is over."""


class CallbackError(ElectionError):
    """A callback of the application raised; `__cause__` is what it raised."""
