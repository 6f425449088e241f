"""Three members: an election goes on by itself when some are lost, and the cluster's own leader among them."""

from __future__ import annotations

import time
from contextlib import ExitStack

import etcd_stage as stage
import pytest
from etcd_stage import Overlaps, config, leader_of
from patience import goes_on, handed_over

from incumbent import LeaderElection

ORDERS = (("one", "two", "three"), ("two", "three", "one"), ("three", "one", "two"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = stage.Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


def test_cluster_loses_members_and_comes_back(cluster, name):
    """P1, P7: An election goes on by itself over the loss of a minority, of the majority, and of the leading member."""
    # Six seconds: more than the cluster needs for an election of its own.
    with ExitStack() as stack:
        overlaps = Overlaps()
        setting = config(name, ttl=6.0, request_timeout=0.8, on_elected=overlaps.elected)
        elections = [stack.enter_context(LeaderElection(setting, cluster.url(*order))) for order in ORDERS]
        leader_of(elections)

        # A follower, killed: nobody notices for long.
        term = leader_of(elections).term
        minority = cluster.followers()[0]
        cluster.members[minority].kill()
        time.sleep(2.0)
        assert term.is_valid(), "the loss of a minority costs no leadership"
        cluster.mend()

        # The majority: nobody leads, until it is back.
        gone = cluster.followers()
        for lost in gone:
            cluster.members[lost].kill()
        stage.eventually(lambda: not any(election.is_leader() for election in elections))
        cluster.mend()
        goes_on(elections)

        # The leader of the members, frozen: leases live on in the new one's hands.
        frozen = cluster.leader()
        cluster.members[frozen].freeze()
        goes_on(elections)
        overlaps.assert_none()  # when it goes on, etcd may end a lease before its time: see docs/guarantees.md
        cluster.mend()
        goes_on(elections)


def test_candidate_of_a_frozen_member_is_deposed_before_another_leads(cluster, name):
    """P1: A leader that reaches only the leading member, which freezes, is deposed before another is elected."""
    with ExitStack() as stack:
        overlaps = Overlaps()
        setting = config(name, ttl=6.0, request_timeout=0.8, on_elected=overlaps.elected)
        frozen = cluster.leader()
        alone = stack.enter_context(LeaderElection(setting, cluster.url(frozen)))
        assert alone.wait_for_leadership(timeout=stage.PATIENCE) is not None
        second = stack.enter_context(LeaderElection(setting, cluster.url(*cluster.followers())))
        stage.eventually(second.is_follower)
        cluster.members[frozen].freeze()
        assert second.wait_for_leadership(timeout=60.0) is not None
        assert not alone.is_leader()
        overlaps.assert_none()  # when it goes on, etcd may end a lease before its time: see docs/guarantees.md
        cluster.mend()
        stage.eventually(lambda: len(stage.keys(cluster.members[frozen], name)) == 2)  # it has queued up again
        stage.eventually(lambda: handed_over(second, [alone]))
