"""Packages that bring an elector, for tests of how electors are found: what they contain, and how loading one fails."""

from __future__ import annotations

import pytest
from oneline import assert_one_line

from incumbent import BackendSettings, ConfigurationError, ElectorLoadError, ElectorNotFoundError
from incumbent.registry import load_backend_class

SETTINGS = BackendSettings(ttl=15.0, request_timeout=2.0)

BACKEND = """
from incumbent import Backend, Capabilities, hookimpl, no

class Fake(Backend):
    contract_version = 1
    capabilities = Capabilities(push=no("x"), observe=no("x"), candidates=no("x"), fencing_across_restarts=no("x"),
                                expiry=no("x"), interoperates=no("x"))
    options = {"color": "The colour."}
    def __init__(self, address, settings): self.address, self.settings = address, settings
    def elector(self, lock_id, candidate): raise NotImplementedError
    def close(self): pass

@hookimpl
def incumbent_backend(): return Fake
"""


def load_error(name: str) -> str:
    with pytest.raises(ElectorLoadError) as caught:
        load_backend_class(name)
    assert isinstance(caught.value, ConfigurationError)
    return assert_one_line(caught.value)


def not_found(name: str) -> str:
    with pytest.raises(ElectorNotFoundError) as caught:
        load_backend_class(name)
    return assert_one_line(caught.value)
