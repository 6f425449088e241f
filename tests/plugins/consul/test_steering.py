"""Requests of operators, on a real Consul, and who may make them."""

import uuid

import consul_stage as stage
import pytest
from rights import NAME, Rights
from steered import Steered

from incumbent import BackendRejectedError, read_leader
from incumbent_consul.testing import ConsulServer

MANAGER = str(uuid.uuid4())
#: Who may write sessions of all nodes may end those of leaders: an operator needs none but its own agent's.
NODE = "of-the-operator"
SESSION = 'session_prefix "" { policy = "write" }'
#: What each kind of token may do, as docs/consul.md says.
POLICIES = {
    "candidate": f'key_prefix "job/" {{ policy = "write" }} key_prefix "job.control/" {{ policy = "read" }} {SESSION}',
    "deaf": f'key_prefix "job/" {{ policy = "write" }} {SESSION}',
    "operator": f'key_prefix "job/" {{ policy = "read" }} key_prefix "job.control/" {{ policy = "write" }} '
    f'session "{NODE}" {{ policy = "write" }}',
    "stranger": SESSION,
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that allows nothing to who shows no token."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": MANAGER, "agent": MANAGER}}
    made = ConsulServer({"acl": acl, "node_name": NODE}, tmp_path_factory.mktemp("guarded"))
    made.token = MANAGER
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tokens(guarded):
    """For each kind of user a URL with its token."""

    def token(rules: str) -> str:
        policy = guarded.ask("PUT", "/v1/acl/policy", {"Name": str(uuid.uuid4()), "Rules": rules})
        return guarded.ask("PUT", "/v1/acl/token", {"Policies": [{"ID": policy["ID"]}]})["SecretID"]

    return {kind: stage.url(guarded, token=token(rules)) for kind, rules in POLICIES.items()}


class TestSteering(Steered):
    """As on every elector."""


class TestRights(Rights):
    """Policies keep the three apart."""

    @pytest.fixture
    def urls(self, tokens):
        return tokens


def test_who_may_not_read_is_not_told_that_nobody_leads(tokens):
    """Rule 2: Consul leaves out of a tree what a token may not read: that is a refusal, and no free election."""
    with pytest.raises(BackendRejectedError, match=f"refuses to read the key '{NAME}/.lock'"):
        read_leader(tokens["stranger"], NAME, request_timeout=20.0)
