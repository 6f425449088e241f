"""Requests of operators, on a real Redis, and who may make them."""

import pytest
import redis_stage as stage
from patience import in_time
from rights import NAME, Rights
from steered import Steered

from incumbent import LeaderElection, LeaderElectionConfig, open_backend
from incumbent.elector import BackendSettings

PASSWORD = "canary-Pa55w0rd"
COMMANDS = "-@all +eval +evalsha +info +time +hmget +hset +del +exists +publish +subscribe +unsubscribe +ping +select"
MINE, REQUESTS = f"{{incumbent}}:{NAME}", f"{{incumbent}}:{NAME}.control"
#: What each kind of user may do, as docs/steering.md says: all of them need the guard.
USERS = {
    "candidate": f"~{{incumbent}} ~{MINE} %R~{REQUESTS} &{MINE} &{REQUESTS}",
    "deaf": f"~{{incumbent}} ~{MINE} &{MINE}",
    "operator": f"~{{incumbent}} %R~{MINE} ~{REQUESTS} &{MINE} &{REQUESTS}",
}


@pytest.fixture
def users(server):
    """For each kind of user a URL."""
    with stage.client(server) as asking:
        for kind, rights in USERS.items():
            asking.execute_command(
                "ACL", "SETUSER", kind, "reset", "on", f">{PASSWORD}", *rights.split(), *COMMANDS.split()
            )
        yield {kind: f"redis://{kind}:{PASSWORD}@127.0.0.1:{server.port}" for kind in USERS}
        asking.execute_command("ACL", "DELUSER", *USERS)


class TestSteering(Steered):
    """As on every elector."""


class TestRights(Rights):
    """Patterns of keys keep the three apart."""

    @pytest.fixture
    def urls(self, users):
        return users


def test_who_may_not_read_requests_hears_of_its_own_election(server, users, caplog):
    """P7: news of a hand-over and looks at who is silent do not fail with those of an election that it may not read."""
    config = LeaderElectionConfig(NAME, candidate="b", ttl=6.0, steering=True)
    backend = open_backend(users["deaf"], BackendSettings(2.0, stage.PATIENCE / 3))
    leader = backend.elector(NAME, "a")
    stage.lead(leader)
    with LeaderElection(config, users["deaf"]) as election:
        in_time(lambda: any("not heeded" in record.getMessage() for record in caplog.records))
        in_time(election.is_follower)
        backend.close()  # as if it were killed: what it leads ends with its ttl
        assert election.wait_for_leadership(stage.PATIENCE) is not None
    assert [record.getMessage() for record in caplog.records if "late" in record.getMessage()] == []
