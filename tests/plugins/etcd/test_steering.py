"""Requests of operators, on a real etcd, and who may make them."""

import etcd_stage as stage
import pytest
from rights import Rights
from steered import Steered

PASSWORD = "canary-Pa55w0rd"
#: What each kind of user may do, as docs/etcd.md says.
ROLES = {
    "candidate": ["readwrite job/", "read job.control/"],
    "deaf": ["readwrite job/"],
    "operator": ["read job/", "readwrite job.control/"],
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that knows these users, each with its role."""
    made = stage.Etcd(tmp_path_factory.mktemp("guarded"))
    made.start()
    for kind, permissions in ROLES.items():
        made.ctl("role", "add", kind)
        for permission in permissions:
            made.ctl("role", "grant-permission", "--prefix=true", kind, *permission.split())
        made.ctl("user", "add", f"{kind}:{PASSWORD}")
        made.ctl("user", "grant-role", kind, kind)
    made.enable_users("root-password")
    yield made
    made.stop()


class TestSteering(Steered):
    """As on every elector."""


class TestRights(Rights):
    """Roles keep the three apart."""

    @pytest.fixture
    def urls(self, guarded):
        return {kind: f"etcd://{kind}:{PASSWORD}@127.0.0.1:{guarded.port}" for kind in ROLES}
